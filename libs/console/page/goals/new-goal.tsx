import { AgentField } from '../parts/forms/agent-field.tsx'
import { bound, type Drafted } from '../parts/forms/drafted.ts'
import { HOUR_MS } from '@agentfleet/domain'
import type { GoalRequest } from '@agentfleet/protocol'
import {
  BudgetField,
  ChoiceField,
  NamesField,
  NumberField,
  PriorityField,
  TextField,
} from '../parts/forms/fields.tsx'
import { SubmissionForm } from '../parts/forms/submission.tsx'

const POINTERS = [
  '/goal',
  '/planner',
  '/roles',
  '/run',
  '/approvers',
  '/model',
  '/priority',
  '/budget',
  '/timeoutMs',
]
const BEGIN: GoalRequest = { goal: '' }
const RUNS = [
  ['now', 'run the plan at once'],
  ['held', 'hold the plan until a person runs it'],
] as const
const APPROVERS = [
  ['any', 'every key that may approve'],
  ['other-keys', 'any of them except the key that submits the goal'],
] as const

/** Submits a goal. */
export function NewGoal(rest: { done: (id: string) => void; leave: () => void }) {
  return (
    <SubmissionForm
      label="New goal"
      path="/v1/goals"
      begin={BEGIN}
      pointers={POINTERS}
      submit="Submit the goal"
      {...rest}
    >
      {(form) => (
        <>
          <TextField label="Goal" rows={4} max={131_072} {...bound(form, 'goal')} />
          <AgentField label="Planner" note="Empty: project-manager." {...bound(form, 'planner')} />
          <NamesField
            label="Agents that steps may use"
            note="Names with commas between them; empty: all agents."
            {...bound(form, 'roles')}
          />
          <HowItRuns form={form} />
          <BudgetField
            note="The goal fails when its steps together would cost more; empty: no limit."
            {...bound(form, 'budget')}
          />
          <TextField
            label="Model"
            note="Empty: the model of the planner."
            max={200}
            {...bound(form, 'model')}
          />
          <PriorityField {...bound(form, 'priority')} />
          <NumberField
            label="Time limit, hours"
            note="Empty: one day."
            unit={HOUR_MS}
            {...bound(form, 'timeoutMs')}
          />
        </>
      )}
    </SubmissionForm>
  )
}

/** Whether a person looks at the plan first, and who decides. */
function HowItRuns({ form }: { form: Drafted<GoalRequest> }) {
  return (
    <>
      <ChoiceField
        label="When the planner has a plan"
        of={RUNS}
        value={form.draft.run === false ? 'held' : 'now'}
        set={(value) => form.change('run', value === 'held' ? false : undefined)}
        problem={form.at('/run')}
      />
      <ChoiceField
        label="Who may run the plan and decide on calls"
        of={APPROVERS}
        {...bound(form, 'approvers')}
        value={form.draft.approvers ?? 'any'}
      />
    </>
  )
}
