import { useRef, useState } from 'preact/hooks'
import type { GoalRequest, GoalView } from '@agentfleet/protocol'
import { request } from '../api/http.ts'
import { useAction } from '../parts/forms/action.ts'
import { AgentField } from '../parts/forms/agent-field.tsx'
import {
  ChoiceField,
  NamesField,
  NumberField,
  PRIORITIES,
  TextField,
} from '../parts/forms/fields.tsx'
import { Form } from '../parts/forms/form.tsx'
import { changed, type Change } from '../parts/forms/versioned.tsx'

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
const HOUR_MS = 3_600_000
const RUNS = [
  ['now', 'run the plan at once'],
  ['held', 'hold the plan until a person runs it'],
] as const
const APPROVERS = [
  ['any', 'every key that may approve'],
  ['other-keys', 'any of them except the key that submits the goal'],
] as const

/** Submits a goal. */
export function NewGoal({ done, leave }: { done: (id: string) => void; leave: () => void }) {
  const [draft, setDraft] = useState<GoalRequest>({ goal: '' })
  const action = useAction()
  const sent = useRef({ body: '', key: '' })
  const change: Change<GoalRequest> = (name, value) =>
    setDraft((before) => changed(before, name, value))
  const send = () =>
    action.act(async () => {
      const body = JSON.stringify(draft)
      // The same goal has the same key: a second try after an unclear answer submits nothing twice.
      if (sent.current.body !== body) sent.current = { body, key: `console-${crypto.randomUUID()}` }
      const idempotencyKey = sent.current.key
      const path = '/v1/goals'
      done((await request<GoalView>(path, { method: 'POST', body: draft, idempotencyKey })).id)
    })
  return (
    <Form
      label="New goal"
      action={action}
      pointers={POINTERS}
      send={() => void send()}
      submit="Submit the goal"
      leave={leave}
    >
      {(at) => (
        <>
          <TextField
            label="Goal"
            value={draft.goal ?? ''}
            rows={4}
            max={131_072}
            set={(text) => change('goal', text)}
            problem={at('/goal')}
          />
          <AgentField
            label="Planner"
            note="Empty: project-manager."
            value={draft.planner ?? ''}
            set={(name) => change('planner', name)}
            problem={at('/planner')}
          />
          <NamesField
            label="Agents that steps may use"
            note="Names with commas between them; empty: all agents."
            names={draft.roles}
            set={(roles) => change('roles', roles)}
            problem={at('/roles')}
          />
          <ChoiceField
            label="When the planner has a plan"
            value={draft.run === false ? 'held' : 'now'}
            of={RUNS}
            set={(value) => change('run', value === 'held' ? false : undefined)}
            problem={at('/run')}
          />
          <ChoiceField
            label="Who may run the plan and decide on calls"
            value={draft.approvers ?? 'any'}
            of={APPROVERS}
            set={(value) => change('approvers', value)}
            problem={at('/approvers')}
          />
          <NumberField
            label="Budget, USD"
            note="The goal fails when its steps together would cost more; empty: no limit."
            value={draft.budget?.usd}
            set={(usd) => change('budget', usd === undefined ? undefined : { usd })}
            problem={at('/budget')}
          />
          <Rest draft={draft} change={change} at={at} />
        </>
      )}
    </Form>
  )
}

/** The fields that few goals need. */
function Rest({
  draft,
  change,
  at,
}: {
  draft: GoalRequest
  change: Change<GoalRequest>
  at: (pointer: string) => string | undefined
}) {
  return (
    <>
      <TextField
        label="Model"
        note="Empty: the model of the planner."
        value={draft.model ?? ''}
        max={200}
        set={(text) => change('model', text)}
        problem={at('/model')}
      />
      <ChoiceField
        label="Priority"
        value={draft.priority ?? 'medium'}
        of={PRIORITIES}
        set={(value) => change('priority', value)}
        problem={at('/priority')}
      />
      <NumberField
        label="Time limit, hours"
        note="Empty: one day."
        unit={HOUR_MS}
        value={draft.timeoutMs}
        set={(ms) => change('timeoutMs', ms)}
        problem={at('/timeoutMs')}
      />
    </>
  )
}
