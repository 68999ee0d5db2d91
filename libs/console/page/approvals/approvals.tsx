import { useState } from 'preact/hooks'
import { duration, plural } from '@agentfleet/domain'
import type { AuditPage, TaskPage, TaskSummary } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { nowMs } from '../api/http.ts'
import { changesPath } from '../api/audit.ts'
import { useRead } from '../api/load.ts'
import { me } from '../api/me.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { TaskLink } from '../parts/links.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { Instant } from '../parts/time.tsx'
import { linkTo } from '../shell/router.ts'
import { decidedOf, tasksToRead, type DecidedStep } from './decided.ts'
import { ApprovalForm } from './form.tsx'
import { useTasks } from './use-tasks.ts'

const EVERY_MS = 3_000
/** Each has a form: more would be more elements than a page can draw fast. */
const PAGE_TASKS = 50
const DECIDED = changesPath('approveStep', 50)
const DECIDED_EVERY_MS = 15_000
/** Tasks that the view reads one by one, for their deadlines or decisions. */
const TASKS_READ = 20
const WAITING = `/v1/tasks?waitingKind=approval&state=waiting&order=oldest&limit=${PAGE_TASKS}`

/** The steps that wait for a person, the longest waiting first. */
export function Approvals() {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  /** Steps that the reader has decided: the list may still have them for a moment. */
  const [decided, setDecided] = useState<ReadonlySet<string>>(new Set())
  const [said, setSaid] = useState('')
  const loaded = useRead<TaskPage>(WAITING, EVERY_MS, 'tasks')
  const waiting = loaded.value?.tasks.filter(({ id }) => !hidden.has(id)) ?? []
  const read = useTasks(new Map(waiting.slice(0, TASKS_READ).map(({ id }) => [id, id])))
  return (
    <>
      <h1 tabIndex={-1}>Approvals</h1>
      <p role="status">
        <bdi>{said}</bdi>
      </p>
      <Panel loaded={loaded}>
        {({ tasks, nextCursor }) => {
          const open = tasks.filter((task) => !decided.has(stepOf(task)))
          const shown = open.filter(({ id }) => !hidden.has(id))
          return (
            <>
              {open.length === 0 && nextCursor === undefined && (
                <p class="empty">No task waits for a person.</p>
              )}
              {shown.map((task) => (
                <Waiting
                  key={task.id}
                  task={task}
                  deadlineAt={read.get(task.id)?.deadlineAt}
                  decided={(word) => {
                    setDecided(new Set([...decided, stepOf(task)]))
                    setSaid(`${task.preview}: ${task.waitingFor?.tool} ${word}.`)
                    loaded.reload()
                  }}
                  later={() => setHidden(new Set([...hidden, task.id]))}
                />
              ))}
              {hidden.size > 0 && (
                <p>
                  {plural(hidden.size, 'task')} hidden, still waiting.{' '}
                  <Button act={() => setHidden(new Set())}>Show all</Button>
                </p>
              )}
              {nextCursor !== undefined && (
                <p class="muted">
                  <a href={linkTo('tasks', undefined, { waitingKind: 'approval' })}>
                    More tasks wait for a person.
                  </a>
                </p>
              )}
            </>
          )
        }}
      </Panel>
      <h2>Decided</h2>
      {me.value !== undefined && (
        <Allowed scope="admin" to="read who decided what">
          <Decided />
        </Allowed>
      )}
      <p class="muted">Each task shows who approved or refused its steps, with the note.</p>
    </>
  )
}

/** One step that waits, with the form for the decision. */
function Waiting({
  task,
  deadlineAt,
  decided,
  later,
}: {
  task: TaskSummary
  deadlineAt: string | undefined
  decided: (word: string) => void
  later: () => void
}) {
  return (
    <section class="box">
      <p>
        <TaskLink id={task.id} /> <bdi>{task.agent}</bdi>, has waited{' '}
        {duration(nowMs() - Date.parse(task.updatedAt))}: <bdi>{task.preview}</bdi>
      </p>
      <TimeLeft deadlineAt={deadlineAt} />
      {task.waitingFor && (
        <ApprovalForm
          taskId={task.id}
          wait={task.waitingFor}
          decided={(approved) => decided(decisionWords(approved))}
        />
      )}
      <Button act={later}>Later</Button>
    </section>
  )
}

/** How long a person can still decide. */
function TimeLeft({ deadlineAt }: { deadlineAt: string | undefined }) {
  if (deadlineAt === undefined) return null
  const leftMs = Date.parse(deadlineAt) - nowMs()
  return (
    <p>
      {leftMs > 0 ? <strong>{duration(leftMs)} left</strong> : 'The time is over'}: without a
      decision the task fails at <Instant at={deadlineAt} />.
    </p>
  )
}

const COLUMNS: readonly Column<DecidedStep>[] = [
  { title: 'Task', of: ({ taskId }) => <TaskLink id={taskId} /> },
  {
    title: 'Decision',
    of: ({ approval, unknown }) =>
      unknown ? 'the outcome is unknown' : decisionWords(approval?.approved),
  },
  { title: 'When', of: ({ atMs }) => <Instant at={atMs} /> },
  {
    title: 'By',
    of: ({ by = 'unknown', approval }) => (
      <bdi>{approval?.person === undefined ? by : `${approval.person} (key ${by})`}</bdi>
    ),
  },
  { title: 'Step', kind: 'number', of: ({ approval }) => approval?.step ?? '—' },
  { title: 'Note', kind: 'wide', of: ({ approval }) => <bdi>{approval?.note ?? '—'}</bdi> },
]

function decisionWords(approved: boolean | undefined): string {
  if (approved === undefined) return '—'
  return approved ? 'approved' : 'refused'
}

/** The latest decisions of people, from the audit log. */
function Decided() {
  const loaded = useRead<AuditPage>(DECIDED, DECIDED_EVERY_MS, 'events')
  const tasks = useTasks(tasksToRead(loaded.value?.events ?? [], TASKS_READ))
  return (
    <Panel loaded={loaded}>
      {({ events }) => (
        <Table
          caption="Decided steps, latest first"
          columns={COLUMNS}
          rows={decidedOf(events, tasks)}
          keyOf={({ taskId, atMs, approval }) => `${taskId} ${atMs} ${approval?.step}`}
          empty="Nobody has decided a step yet."
        />
      )}
    </Panel>
  )
}

/** Names one step of a task, so that its next step is shown again. */
function stepOf({ id, waitingFor }: TaskSummary): string {
  return `${id} ${waitingFor?.step}`
}
