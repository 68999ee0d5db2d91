import { costText, isTerminal, plural } from '@agentfleet/domain'
import type { TaskPage, TaskView } from '@agentfleet/protocol'
import { useRead } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { Panel } from '../parts/panel.tsx'
import { Table } from '../parts/tables/table.tsx'
import { linkTo } from '../shell/router.ts'
import { TASK_COLUMNS } from '../tasks/columns.tsx'
import { usedBy } from '../tasks/list.ts'

const EVERY_MS = 3_000
/** Tasks that are listed here; further children are in the list of tasks. */
const SHOWN = 50

const COLUMNS = [
  TASK_COLUMNS.task,
  TASK_COLUMNS.state,
  TASK_COLUMNS.text,
  TASK_COLUMNS.agent,
  TASK_COLUMNS.node,
  TASK_COLUMNS.cost,
]

/** The tasks that a task created, with their states. */
export function Children({ task }: { task: TaskView }) {
  const path = withQuery('/v1/tasks', { parentId: task.id, order: 'oldest', limit: SHOWN })
  const loaded = useRead<TaskPage>(path, isTerminal(task.state) ? undefined : EVERY_MS)
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
            <p>
              {nextCursor === undefined && tasks.length > 0 && `${sumWords(tasks)} `}
              <a href={linkTo('tasks', undefined, { parentId: task.id })}>All of them as a list</a>
            </p>
          </>
        )}
      </Panel>
    </>
  )
}

/** What the created tasks cost together. */
function sumWords(tasks: TaskPage['tasks']): string {
  return `${plural(tasks.length, 'task')} together: ${costText(usedBy(tasks))}.`
}
