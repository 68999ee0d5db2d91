import { useState } from 'preact/hooks'
import type { TaskPage, TaskSummary } from '@agentfleet/protocol'
import { nowMs, request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { ago, plural } from '../format/format.ts'
import { TaskLink } from '../parts/links.tsx'
import { Panel } from '../parts/panel.tsx'
import { ApprovalForm } from './form.tsx'

const EVERY_MS = 3_000
const PAGE_TASKS = 100
/** Pages of waiting tasks that are searched; the API has no filter for approvals. */
const PAGES_MAX = 5

interface Found {
  readonly tasks: readonly TaskSummary[]
  readonly searched: number
  readonly complete: boolean
}

/** The steps that wait for a person, the longest waiting first. */
export function Approvals() {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const loaded = useLoad('approvals', findApprovals, EVERY_MS)
  return (
    <>
      <h1 tabIndex={-1}>Approvals</h1>
      <Panel loaded={loaded}>
        {({ tasks, searched, complete }) => {
          const shown = tasks.filter(({ id }) => !hidden.has(id))
          return (
            <>
              {tasks.length === 0 && <p class="empty">No task waits for a person.</p>}
              {shown.map((task) => (
                <section key={task.id} class="box">
                  <p>
                    <TaskLink id={task.id} /> {task.agent}, waits since{' '}
                    {ago(Date.parse(task.updatedAt), nowMs())}: <bdi>{task.preview}</bdi>
                  </p>
                  {task.waitingFor && (
                    <ApprovalForm taskId={task.id} wait={task.waitingFor} decided={loaded.reload} />
                  )}
                  <button type="button" onClick={() => setHidden(new Set([...hidden, task.id]))}>
                    Later
                  </button>
                </section>
              ))}
              {hidden.size > 0 && (
                <p>
                  {plural(hidden.size, 'task')} hidden, still waiting.{' '}
                  <button type="button" onClick={() => setHidden(new Set())}>
                    Show all
                  </button>
                </p>
              )}
              {!complete && (
                <p class="muted">
                  The newest {plural(searched, 'waiting task')} were searched; older ones are not
                  shown here.
                </p>
              )}
            </>
          )
        }}
      </Panel>
    </>
  )
}

async function findApprovals(signal: AbortSignal): Promise<Found> {
  const waiting: TaskSummary[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const rest = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const path = `/v1/tasks?state=waiting&limit=${PAGE_TASKS}${rest}`
    const answer = await request<TaskPage>(path, { signal })
    waiting.push(...answer.tasks)
    cursor = answer.nextCursor
    if (cursor === undefined) break
  }
  const tasks = waiting
    .filter(({ waitingFor }) => waitingFor?.kind === 'approval')
    .toSorted((a, b) => Date.parse(a.updatedAt) - Date.parse(b.updatedAt))
  return { tasks, searched: waiting.length, complete: cursor === undefined }
}
