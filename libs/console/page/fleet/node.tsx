import type { NodeDetail, NodeView, TaskSummary } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { Allowed } from '../parts/allowed.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { Table, type Column } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { linkTo } from '../shell/router.ts'

const TASKS: readonly Column<TaskSummary>[] = [
  { title: 'Task', of: ({ id }) => <TaskLink id={id} /> },
  { title: 'State', of: ({ state }) => <StateMark state={state} /> },
  { title: 'Text', kind: 'wide', of: ({ preview }) => <bdi>{preview}</bdi> },
  { title: 'Agent', of: ({ agent }) => agent },
  { title: 'Submitted', kind: 'number', of: ({ createdAt }) => <Ago at={createdAt} /> },
]

/** Asks a node to finish its work and exit. */
export function NodeDrain({ node, changed }: { node: NodeView; changed: () => void }) {
  if (node.draining || node.state === 'dead') return null
  const path = `/v1/fleet/nodes/${encodeURIComponent(node.id)}/drain`
  return (
    <Allowed scope="admin" to="drain a node">
      <p>
        <Confirm
          label="Drain the node"
          question={`Drain ${node.id}?`}
          act={async () => {
            await request(path, { method: 'POST' })
            changed()
          }}
        >
          The node finishes its {node.active} running tasks, accepts no other task and exits. What
          starts nodes decides whether another one takes its place.
        </Confirm>
      </p>
    </Allowed>
  )
}

/** The caller's tasks that run on a node. */
export function NodeTasks({ detail }: { detail: NodeDetail }) {
  const { tasks, complete, node } = detail
  return (
    <>
      <h2>Your tasks on it</h2>
      <Table
        caption="Your tasks that run on the node"
        columns={TASKS}
        rows={tasks}
        keyOf={({ id }) => id}
        empty="None of your tasks runs on this node."
      />
      <p>
        {!complete && 'More of your tasks may run here. '}
        <a href={linkTo('tasks', undefined, { node: node.id })}>All your tasks of this node</a>
      </p>
    </>
  )
}
