import type { TaskPage, TaskSummary, TaskView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { usd } from '../format/format.ts'
import { NodeLink, TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/table.tsx'
import { linkTo } from '../shell/router.ts'
import { isEnded } from '../tasks/filters.ts'

const EVERY_MS = 3_000
/** Tasks that are listed here; further children are in the list of tasks. */
const SHOWN = 50

const COLUMNS: readonly Column<TaskSummary>[] = [
  { title: 'Task', of: ({ id }) => <TaskLink id={id} /> },
  { title: 'State', of: ({ state }) => <StateMark state={state} /> },
  { title: 'Text', kind: 'wide', of: ({ preview }) => <bdi>{preview}</bdi> },
  { title: 'Agent', of: ({ agent }) => agent },
  { title: 'Node', of: ({ node }) => <NodeLink id={node} /> },
  { title: 'Cost', kind: 'number', of: ({ usage }) => usd(usage.costUsd) },
]

/** The tasks that a task created, with their states. */
export function Children({ task }: { task: TaskView }) {
  const path = withQuery('/v1/tasks', { parentId: task.id, order: 'oldest', limit: SHOWN })
  const loaded = useLoad(
    path,
    (signal) => request<TaskPage>(path, { signal }),
    isEnded(task.state) ? undefined : EVERY_MS,
  )
  return (
    <>
      <h2>Tasks that it created</h2>
      <Panel loaded={loaded}>
        {({ tasks, nextCursor }) => (
          <>
            <Table
              caption="Tasks that it created, oldest first"
              columns={COLUMNS}
              rows={tasks}
              keyOf={({ id }) => id}
              empty="None of them is kept any more."
            />
            {nextCursor !== undefined && (
              <p>
                <a href={linkTo('tasks', undefined, { parentId: task.id })}>All of them</a>
              </p>
            )}
          </>
        )}
      </Panel>
    </>
  )
}
