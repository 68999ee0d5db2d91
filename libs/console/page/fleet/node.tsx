import { plural } from '@agentfleet/domain'
import type { NodeDetail, NodeView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { Command } from '../parts/command.tsx'
import { Confirm } from '../parts/forms/confirm.tsx'
import { Table } from '../parts/tables/table.tsx'
import { linkTo } from '../shell/router.ts'
import { TASK_COLUMNS } from '../tasks/columns.tsx'

const TASKS = [
  TASK_COLUMNS.task,
  TASK_COLUMNS.state,
  TASK_COLUMNS.text,
  TASK_COLUMNS.agent,
  TASK_COLUMNS.submitted,
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
          The node finishes its {plural(node.active, 'running task')}, accepts no other task and
          exits. What starts nodes decides whether another one takes its place.
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

/** Why a fleet shows no node, and what to do. */
export function NoNodes() {
  return (
    <Command text="npx --no agentfleet doctor">
      No node has reported: tasks wait until a worker node starts. On one machine{' '}
      <code>npm start</code> starts worker nodes. This command says what is missing:
    </Command>
  )
}
