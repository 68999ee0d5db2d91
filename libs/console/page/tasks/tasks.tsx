import { useState } from 'preact/hooks'
import type { TaskPage, TaskSummary } from '@agentfleet/protocol'
import { nowMs, request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { duration, plural } from '../format/format.ts'
import { NodeLink, TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { place, setQuery } from '../shell/router.ts'
import { actOnEach, type Progress } from './bulk.ts'
import { filtersOf, isEnded, STATES } from './filters.ts'

const EVERY_MS = 3_000
const PAGE_TASKS = 100

const COLUMNS: readonly Column<TaskSummary>[] = [
  { title: 'Task', of: ({ id }) => <TaskLink id={id} /> },
  { title: 'State', of: ({ state }) => <StateMark state={state} /> },
  { title: 'Text', kind: 'wide', of: ({ preview }) => <bdi>{preview}</bdi> },
  { title: 'Agent', of: ({ agent }) => agent },
  { title: 'Model', of: ({ model }) => model },
  { title: 'Node', of: ({ node }) => <NodeLink id={node} /> },
  { title: 'Attempt', kind: 'number', of: ({ attempt }) => attempt },
  { title: 'Submitted', kind: 'number', of: ({ createdAt }) => <Ago at={createdAt} /> },
  { title: 'Age', kind: 'number', of: (task) => duration(ageOf(task)) },
  { title: 'Error', of: ({ error }) => error && <span title={error.message}>{error.code}</span> },
]

/** The time from submission to the end, or to now. */
function ageOf({ state, createdAt, updatedAt }: TaskSummary): number {
  return (isEnded(state) ? Date.parse(updatedAt) : nowMs()) - Date.parse(createdAt)
}

/** The list of tasks: filter, select, act. */
export function Tasks() {
  const filters = filtersOf(place.value.query)
  const path = withQuery('/v1/tasks', { ...filters, limit: PAGE_TASKS })
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const [more, setMore] = useState<{
    path: string
    tasks: TaskSummary[]
    cursor: string | undefined
  }>()
  // A list in which the reader chooses must not move.
  const still = picked.size > 0 || more?.path === path
  const loaded = useLoad(
    path,
    (signal) => request<TaskPage>(path, { signal }),
    still ? undefined : EVERY_MS,
  )
  const further = more?.path === path ? more : undefined
  const toggle = (id: string) =>
    setPicked((before) => {
      const after = new Set(before)
      if (!after.delete(id)) after.add(id)
      return after
    })
  const readMore = async (cursor: string) => {
    const page = await request<TaskPage>(
      withQuery('/v1/tasks', { ...filters, limit: PAGE_TASKS, cursor }),
    )
    setMore({ path, tasks: [...(further?.tasks ?? []), ...page.tasks], cursor: page.nextCursor })
  }

  return (
    <>
      <h1 tabIndex={-1}>Tasks</h1>
      <StateFilter chosen={filters['state']} />
      <Panel loaded={loaded}>
        {(page) => {
          const tasks = [...page.tasks, ...(further?.tasks ?? [])]
          const cursor = further === undefined ? page.nextCursor : further.cursor
          return (
            <>
              <Actions
                tasks={tasks.filter(({ id }) => picked.has(id))}
                finished={() => {
                  setPicked(new Set())
                  setMore(undefined)
                  loaded.reload()
                }}
                clear={() => setPicked(new Set())}
              />
              <Table
                caption="Tasks, newest first"
                columns={COLUMNS}
                rows={tasks}
                keyOf={({ id }) => id}
                picked={{ keys: picked, toggle }}
                empty={<Empty state={filters['state']} />}
              />
              <p class="muted">
                {plural(tasks.length, 'task')} shown.{' '}
                {cursor === undefined
                  ? 'This is the end of the list: ended tasks are kept for a limited time.'
                  : 'There are more. '}
                {cursor !== undefined && (
                  <button type="button" onClick={() => void readMore(cursor)}>
                    Show more
                  </button>
                )}
              </p>
            </>
          )
        }}
      </Panel>
    </>
  )
}

function StateFilter({ chosen }: { chosen: string | undefined }) {
  const choices = [undefined, ...STATES]
  return (
    <div class="row" role="group" aria-label="State">
      {choices.map((state) => (
        <button
          key={state ?? 'all'}
          type="button"
          aria-pressed={state === chosen}
          onClick={() => setQuery({ state })}
        >
          {state ?? 'all states'}
        </button>
      ))}
    </div>
  )
}

function Empty({ state }: { state: string | undefined }) {
  if (state === undefined) {
    return (
      <>
        You have no tasks. Submit one:{' '}
        <code>
          curl {location.origin}/v1/tasks -H 'content-type: application/json' -d '
          {'{"task":"Write a haiku"}'}'
        </code>
      </>
    )
  }
  return (
    <>
      No task is {state}.{' '}
      <button type="button" onClick={() => setQuery({ state: undefined })}>
        Show all states
      </button>
    </>
  )
}

/** What can be done with the selected tasks, and how it went. */
function Actions({
  tasks,
  finished,
  clear,
}: {
  tasks: readonly TaskSummary[]
  finished: () => void
  clear: () => void
}) {
  const [progress, setProgress] = useState<Progress & { verb: string }>()
  const running = progress !== undefined && progress.done < progress.total
  const live = tasks.filter(({ state }) => !isEnded(state)).map(({ id }) => id)
  const ended = tasks.filter(({ state }) => isEnded(state)).map(({ id }) => id)
  const start = async (
    verb: string,
    ids: readonly string[],
    act: (id: string) => Promise<unknown>,
  ) => {
    await actOnEach(ids, act, (next) => setProgress({ ...next, verb }))
    finished()
  }
  // One key for the whole action: sent twice, it still replays each task once.
  const replay = (from: 'start' | 'journal') => {
    const idempotencyKey = `console-${crypto.randomUUID()}`
    return start('replayed', ended, (id) =>
      request(`/v1/tasks/${id}/replay`, { method: 'POST', body: { from }, idempotencyKey }),
    )
  }
  return (
    <div class="actions">
      {tasks.length > 0 && (
        <>
          <span>{plural(tasks.length, 'task')} selected</span>
          <button
            type="button"
            disabled={live.length === 0 || running}
            onClick={() =>
              void start('cancelled', live, (id) =>
                request(`/v1/tasks/${id}/cancel`, { method: 'POST' }),
              )
            }
          >
            Cancel {live.length}
          </button>
          <button
            type="button"
            disabled={ended.length === 0 || running}
            onClick={() => void replay('start')}
          >
            Replay {ended.length} from start
          </button>
          <button
            type="button"
            disabled={ended.length === 0 || running}
            onClick={() => void replay('journal')}
          >
            Replay {ended.length} from journal
          </button>
          <button type="button" disabled={running} onClick={clear}>
            Clear selection
          </button>
        </>
      )}
      <span role="status">
        {progress !== undefined &&
          `${progress.done - failures(progress)} of ${progress.total} ${progress.verb}. `}
        {[...(progress?.problems ?? [])].map(
          ([text, number]) => `${plural(number, 'task')}: ${text} `,
        )}
      </span>
    </div>
  )
}

function failures({ problems }: Progress): number {
  return [...problems.values()].reduce((sum, number) => sum + number, 0)
}
