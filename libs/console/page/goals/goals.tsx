import { useState } from 'preact/hooks'
import { costText, count, isTerminal, plural, shortened } from '@agentfleet/domain'
import type { GoalView, PlanView, TaskPage, TaskSummary } from '@agentfleet/protocol'
import { Button } from '../parts/button.tsx'
import { request } from '../api/http.ts'
import { read, useLoad } from '../api/load.ts'
import { withQuery } from '../api/query.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { useAction } from '../parts/forms/action.ts'
import { ChoiceFilter } from '../parts/filters/choice.tsx'
import { ListHeading } from '../parts/list-heading.tsx'
import { Command, curl } from '../parts/command.tsx'
import { Facts } from '../parts/facts.tsx'
import { TaskLink } from '../parts/links.tsx'
import { StateMark } from '../parts/mark.tsx'
import { ListingTable } from '../parts/tables/listing.tsx'
import { Record } from '../parts/record.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { TitledText } from '../parts/text.tsx'
import { Ago } from '../parts/time.tsx'
import { focusHeading } from '../parts/heading.ts'
import { place } from '../shell/router.ts'
import { TASK_COLUMNS } from '../tasks/columns.tsx'
import { NewGoal } from './new-goal.tsx'
import { PlanMap } from './plan-map.tsx'

const EVERY_MS = 2_000
const LIST_EVERY_MS = 5_000
/** Steps whose cost is shown: the most that one page of tasks has. */
const STEPS_MAX = 100
/** An error that is longer stands whole in the planner's task, characters. */
const ERROR_CHARS = 500

/** A step of a plan with what its task has used, if that is known. */
type Step = PlanView['steps'][number] & { readonly usage?: TaskSummary['usage'] | undefined }
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
  { title: 'Cost', kind: 'number', of: ({ usage }) => (usage ? costText(usage) : '—') },
  { title: 'Error', of: ({ error }) => error && <span title={error.message}>{error.code}</span> },
]

const GOALS: readonly Column<TaskSummary>[] = [
  { title: 'Goal', of: ({ id }) => <TaskLink id={id} view="goals" /> },
  TASK_COLUMNS.state,
  TASK_COLUMNS.text,
  { ...TASK_COLUMNS.agent, title: 'Planner' },
  TASK_COLUMNS.submitted,
  TASK_COLUMNS.cost,
  TASK_COLUMNS.error,
]
const STATES = ['waiting', 'running', 'completed', 'failed', 'cancelled'] as const

/** The goals, newest first. */
export function Goals() {
  const { state } = place.value.query
  return (
    <>
      <ListHeading title="Goals" kind="goal">
        {(how) => <NewGoal {...how} />}
      </ListHeading>
      <ChoiceFilter name="state" label="State" all="all states" of={STATES} />
      <ListingTable
        of="goals"
        query={{ state }}
        everyMs={LIST_EVERY_MS}
        caption="Goals, newest first"
        columns={GOALS}
        keyOf={({ id }) => id}
        empty={
          state === undefined ? (
            <Command text={curl('POST', '/v1/goals', { goal: 'Build a shop' })}>
              You have no goal. Submit one with the form or with this command:
            </Command>
          ) : (
            'No goal matches.'
          )
        }
        end="This is the end of the list. Ended goals are kept for a limited time."
      />
    </>
  )
}

/** The view of one goal: the state of each step of its plan. */
export function Goal({ id }: { id: string }) {
  const path = `/v1/goals/${encodeURIComponent(id)}`
  const [ended, setEnded] = useState(false)
  const readGoal = async (signal: AbortSignal) => {
    const goal = await request<GoalView>(path, { signal })
    setEnded(isTerminal(goal.state))
    return goal
  }
  const loaded = useLoad(path, readGoal, ended ? undefined : EVERY_MS)
  const stepsPath = withQuery('/v1/tasks', { parentId: id, limit: STEPS_MAX })
  const spent = useLoad(
    // Once more at the end of the goal, for the last step.
    `${stepsPath} ${ended}`,
    (signal) => read<TaskPage>(stepsPath, signal, 'tasks'),
    ended ? undefined : LIST_EVERY_MS,
  )
  const usage = new Map(spent.value?.tasks.map((task) => [task.id, task.usage]))
  const { said, busy, act } = useAction()
  const run = () =>
    act(async () => {
      await request(`${path}/run`, { method: 'POST' })
      focusHeading()
      loaded.reload()
    })
  return (
    <Record kind="Goal" name={id} view="goals" loaded={loaded}>
      {(goal) => (
        <>
          <p class="headline">
            <StateMark state={goal.state} /> {stageWords(goal)}
          </p>
          <Facts
            of={[
              ['Planner', goal.planner],
              ['Model', goal.model],
              ['Submitted', <Ago key="at" at={goal.createdAt} />],
              ['LLM calls', count(goal.usage.llmCalls)],
              ['Cost', costText(goal.usage)],
              ["Planner's task", <TaskLink key="task" id={goal.id} />],
              [
                'Error',
                goal.error && shortened(`${goal.error.code}: ${goal.error.message}`, ERROR_CHARS),
              ],
            ]}
          />
          {goal.stage === 'held' && (
            <Allowed scope="tasks:approve" to="run the plan">
              <p class="row">
                <Button class="primary" disabled={busy} act={run}>
                  Run the plan
                </Button>
                <span role="status">{said}</span>
              </p>
            </Allowed>
          )}
          <TitledText title="Goal" value={goal.goal} />
          {goal.plans.toReversed().map((plan, index) => (
            <Plan key={plan.step} plan={plan} usage={usage} newest={index === 0} />
          ))}
          {goal.plans.length === 0 && <p class="empty">The planner has not finished a plan.</p>}
          <TitledText title="Result" value={goal.result} />
        </>
      )}
    </Record>
  )
}

/** Says how far a goal is. */
function stageWords({ stage, plans }: GoalView): string {
  const steps = plans.at(-1)?.steps ?? []
  const ended = steps.filter(({ state }) => state !== undefined && isTerminal(state)).length
  switch (stage) {
    case 'planning':
      return 'The planner makes a plan.'
    case 'held':
      return 'The plan waits for a person to run it.'
    case 'running':
      return `${ended} of ${plural(steps.length, 'step')} have ended.`
    case 'concluding':
      return 'The planner combines the results of the steps.'
    case 'ended':
      return ''
  }
}

function Plan({
  plan,
  usage,
  newest,
}: {
  plan: PlanView
  usage: ReadonlyMap<string, TaskSummary['usage']>
  newest: boolean
}) {
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
        rows={plan.steps.map((step) => ({ ...step, usage: usage.get(step.taskId ?? '') }))}
        keyOf={({ id }) => id}
        empty="The plan has no steps."
      />
    </>
  )
}
