import { MINUTE_MS } from '@agentfleet/domain'
import type { TaskRequest } from '@agentfleet/protocol'
import { AgentField } from './agent-field.tsx'
import { bound, type Drafted } from './drafted.ts'
import { BudgetField, NumberField, PriorityField, TextField } from './fields.tsx'

const FIELDS = [
  'task',
  'agent',
  'model',
  'priority',
  'timeoutMs',
  'maxAttempts',
  'budget',
] as const satisfies readonly (keyof TaskRequest)[]
/** The JSON pointers of the fields, below the task. */
export const TASK_POINTERS = FIELDS.map((name) => `/${name}`)

/** The fields of a task that people set by hand. The other fields of the task stay unchanged. */
export function TaskFields({
  form,
}: {
  form: Drafted<Pick<TaskRequest, (typeof FIELDS)[number]>>
}) {
  return (
    <>
      <TextField label="Task" rows={4} max={131_072} {...bound(form, 'task')} />
      <AgentField
        label="Agent"
        note="Empty: the assistant, which has no definition."
        {...bound(form, 'agent')}
      />
      <TextField
        label="Model"
        note="Empty: the model of the agent."
        max={200}
        {...bound(form, 'model')}
      />
      <PriorityField {...bound(form, 'priority')} />
      <NumberField
        label="Time limit, minutes"
        note="From the submission to the end, with waiting and retries. Empty: the limit of the agent, or one hour."
        unit={MINUTE_MS}
        {...bound(form, 'timeoutMs')}
      />
      <NumberField
        label="Failed attempts before the task fails"
        note="Empty: 3."
        {...bound(form, 'maxAttempts')}
      />
      <BudgetField
        note="The task fails when its calls would cost more. Empty: no limit."
        {...bound(form, 'budget')}
      />
    </>
  )
}
