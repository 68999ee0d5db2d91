import { costText } from '@agentfleet/domain'
import type { TaskSummary } from '@agentfleet/protocol'
import { NodeLink, TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import type { Column } from '../parts/tables/table.tsx'
import { Ago } from '../parts/time.tsx'

/** The columns of short tables of tasks, from which each table takes those that it needs. */
export const TASK_COLUMNS = {
  task: { title: 'Task', of: ({ id }) => <TaskLink id={id} /> },
  state: { title: 'State', of: ({ state }) => <StateMark state={state} /> },
  text: { title: 'Text', kind: 'wide', of: ({ preview }) => <bdi>{preview}</bdi> },
  agent: { title: 'Agent', of: ({ agent }) => agent },
  node: { title: 'Node', of: ({ node }) => <NodeLink id={node} /> },
  submitted: { title: 'Submitted', kind: 'number', of: ({ createdAt }) => <Ago at={createdAt} /> },
  cost: { title: 'Cost', kind: 'number', of: ({ usage }) => costText(usage) },
  error: { title: 'Error', of: ({ error }) => error?.code },
} as const satisfies Record<string, Column<TaskSummary>>
