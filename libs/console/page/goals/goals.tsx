import { useState } from 'preact/hooks'
import type { GoalView, PlanView } from '@agentfleet/protocol'
import { nowMs, request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { ago, count, plural, usd } from '../format/format.ts'
import { Facts } from '../parts/facts.tsx'
import { TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { open } from '../shell/router.ts'
import { isEnded } from '../tasks/filters.ts'

const EVERY_MS = 2_000

type Step = PlanView['steps'][number]
const STEPS: readonly Column<Step>[] = [
  { title: 'Step', of: ({ id }) => id },
  {
    title: 'State',
    of: ({ state }) => (state === undefined ? 'not started' : <StateMark state={state} />),
  },
  { title: 'Role', of: ({ role }) => role },
  { title: 'After', of: ({ dependsOn }) => (dependsOn.length === 0 ? '—' : dependsOn.join(', ')) },
  { title: 'Task', of: ({ taskId }) => (taskId === undefined ? '—' : <TaskLink id={taskId} />) },
  { title: 'Text', kind: 'wide', of: ({ task }) => <bdi>{task}</bdi> },
  { title: 'Error', of: ({ error }) => error?.code },
]

/** Opens a goal by its id: the API has no list of goals. */
export function Goals() {
  const [id, setId] = useState('')
  return (
    <>
      <h1 tabIndex={-1}>Goals</h1>
      <p>
        The API has no list of goals yet. Open one by its id, which POST /v1/goals returns. Its
        planner's task is also among the tasks.
      </p>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault()
          if (id.trim() !== '') open('goals', id.trim())
        }}
      >
        <label>
          Id of the goal{' '}
          <input value={id} onInput={({ currentTarget }) => setId(currentTarget.value)} />
        </label>
        <button type="submit">Open</button>
      </form>
    </>
  )
}

/** One goal: how far is the plan? */
export function Goal({ id }: { id: string }) {
  const path = `/v1/goals/${encodeURIComponent(id)}`
  const [ended, setEnded] = useState(false)
  const loaded = useLoad(
    path,
    (signal) => readGoal(path, signal, setEnded),
    ended ? undefined : EVERY_MS,
  )
  const [said, setSaid] = useState('')
  const run = async () => {
    try {
      await request(`${path}/run`, { method: 'POST' })
      loaded.reload()
    } catch (error) {
      setSaid(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <>
      <h1 tabIndex={-1}>
        Goal <span class="id">{id}</span>
      </h1>
      <Panel loaded={loaded}>
        {(goal) => (
          <>
            <p class="headline">
              <StateMark state={goal.state} /> {goal.stage}
            </p>
            <Facts
              of={[
                ['Planner', goal.planner],
                ['Model', goal.model],
                ['Submitted', ago(Date.parse(goal.createdAt), nowMs())],
                ['LLM calls', count(goal.usage.llmCalls)],
                ['Cost', usd(goal.usage.costUsd)],
                ["Planner's task", <TaskLink key="task" id={goal.id} />],
                ['Error', goal.error && `${goal.error.code}: ${goal.error.message}`],
              ]}
            />
            {goal.stage === 'held' && (
              <p class="row">
                <button type="button" class="primary" onClick={() => void run()}>
                  Run the plan
                </button>
                <span role="status">{said}</span>
              </p>
            )}
            <h2>Goal</h2>
            <Text value={goal.goal} label="Goal" />
            {goal.plans.toReversed().map((plan, index) => (
              <Plan key={plan.step} plan={plan} newest={index === 0} />
            ))}
            {goal.plans.length === 0 && <p class="empty">The planner has not finished a plan.</p>}
            {goal.result !== undefined && (
              <>
                <h2>Result</h2>
                <Text value={goal.result} label="Result" />
              </>
            )}
          </>
        )}
      </Panel>
    </>
  )
}

async function readGoal(
  path: string,
  signal: AbortSignal,
  setEnded: (ended: boolean) => void,
): Promise<GoalView> {
  const goal = await request<GoalView>(path, { signal })
  setEnded(isEnded(goal.state))
  return goal
}

function Plan({ plan, newest }: { plan: PlanView; newest: boolean }) {
  const title = newest ? 'Plan' : `Earlier plan, step ${plan.step}`
  return (
    <>
      <h2>
        {title}
        {!plan.valid && ' (invalid)'}
      </h2>
      <p>
        <bdi>{plan.summary}</bdi> {plural(plan.steps.length, 'step')}
      </p>
      {plan.problems !== undefined && plan.problems.length > 0 && (
        <ul>
          {plan.problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
      <Table
        caption={title}
        columns={STEPS}
        rows={plan.steps}
        keyOf={({ id }) => id}
        empty="The plan has no steps."
      />
    </>
  )
}
