import { useState } from 'preact/hooks'
import type { GoalPage, GoalView, PlanView, TaskSummary } from '@agentfleet/protocol'
import { nowMs, request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { ago, count, plural, usd } from '../format/format.ts'
import { Allowed } from '../parts/allowed.tsx'
import { Facts } from '../parts/facts.tsx'
import { TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { More, useListing } from '../parts/pages.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/table.tsx'
import { Text } from '../parts/text.tsx'
import { Ago } from '../parts/time.tsx'
import { linkTo, place, setQuery } from '../shell/router.ts'
import { isEnded } from '../tasks/filters.ts'
import { PlanMap } from './plan-map.tsx'

const EVERY_MS = 2_000
const LIST_EVERY_MS = 5_000

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

const GOALS: readonly Column<TaskSummary>[] = [
  { title: 'Goal', of: ({ id }) => <GoalLink id={id} /> },
  { title: 'State', of: ({ state }) => <StateMark state={state} /> },
  { title: 'Text', kind: 'wide', of: ({ preview }) => <bdi>{preview}</bdi> },
  { title: 'Planner', of: ({ agent }) => agent },
  { title: 'Submitted', kind: 'number', of: ({ createdAt }) => <Ago at={createdAt} /> },
  { title: 'Cost', kind: 'number', of: ({ usage }) => usd(usage.costUsd) },
  { title: 'Error', of: ({ error }) => error?.code },
]

function GoalLink({ id }: { id: string }) {
  return (
    <a class="id" href={linkTo('goals', id)} title={id}>
      …{id.slice(-8)}
    </a>
  )
}

/** The goals, newest first. */
export function Goals() {
  const { query } = place.value
  const filters = { state: query['state'], limit: '50' }
  const { loaded, more } = useListing('/v1/goals', filters, readGoals, LIST_EVERY_MS)
  return (
    <>
      <h1 tabIndex={-1}>Goals</h1>
      <div class="row" role="group" aria-label="State">
        {[undefined, 'waiting', 'running', 'completed', 'failed', 'cancelled'].map((state) => (
          <button
            key={state ?? 'all'}
            type="button"
            aria-pressed={state === query['state']}
            onClick={() => setQuery({ state })}
          >
            {state ?? 'all states'}
          </button>
        ))}
      </div>
      <Panel loaded={loaded}>
        {(rows) => (
          <>
            <Table
              caption="Goals, newest first"
              columns={GOALS}
              rows={rows}
              keyOf={({ id }) => id}
              empty="No goal matches. Submit one with POST /v1/goals."
            />
            <More
              more={more}
              end="This is the end of the list. Ended goals are kept for a limited time."
            />
          </>
        )}
      </Panel>
    </>
  )
}

async function readGoals(path: string, signal?: AbortSignal) {
  const page = await request<GoalPage>(path, signal === undefined ? {} : { signal })
  return { rows: page.goals, nextCursor: page.nextCursor }
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
              <Allowed scope="tasks:approve" to="run the plan">
                <p class="row">
                  <button type="button" class="primary" onClick={() => void run()}>
                    Run the plan
                  </button>
                  <span role="status">{said}</span>
                </p>
              </Allowed>
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
      <PlanMap steps={plan.steps} />
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
