import {
  given,
  addUsage,
  definitionNameOf,
  isTerminal,
  planningsOf,
  PLAN_LIMITS,
  REPLANS_DEFAULT,
  shippedAgent,
  resolveAgent,
  type GoalSpec,
  type Planning,
  type TaskRecord,
  type TaskSpec,
} from '@agentfleet/domain'
import type { GoalRequest, GoalView, PlanView, TaskView } from '@agentfleet/protocol'
import { shown, wrongField } from '../http/problems.ts'
import { unknownAgent } from '../agents/choice.ts'
import type { Team } from '../agents/team.ts'
import { checkedContext } from '../tasks/spec.ts'
import { isoTime, taskView } from '../tasks/views.ts'

/** The agent that plans if the goal names no planner. */
const PLANNER = 'project-manager'
/** One day: a goal has many tasks, and some wait for people. */
const TIMEOUT_DEFAULT_MS = 86_400_000
/** Definitions that a goal takes along: each attempt of the goal carries them, bytes of JSON. */
const TEAM_MAX_BYTES = 1024 * 1024

/** Converts the goal to a task; the planner's definition supplies missing fields. Throws a Refusal. */
export function goalSpecOf(
  request: GoalRequest,
  team: Team,
  tenant: string,
  defaultModel: string,
): TaskSpec {
  const names = team.names(tenant)
  const roles = request.roles ?? names
  const definitionOf = (name: string) => team.own(tenant, name) ?? shippedAgent(name)
  const unknown = roles.filter((role) => definitionOf(role) === undefined)
  if (unknown.length > 0) {
    const detail = `must name defined agents; these names are not defined: ${shown(unknown)}; these names are defined: ${shown(names)}`
    throw wrongField('/roles', detail)
  }
  const agent = request.planner ?? PLANNER
  const name = definitionNameOf(agent)
  const definition = definitionOf(name)
  if (definition === undefined) throw unknownAgent(name, names, '/planner')
  // The planner answers with a plan and calls no tools, even if its definition has tools for other tasks.
  const {
    model = defaultModel,
    tools: _tools,
    responseSchema: _schema,
    ...part
  } = resolveAgent(request.model === undefined ? {} : { model: request.model }, definition)
  const owned = roles.flatMap((role) => {
    const found = team.own(tenant, role)
    return found === undefined ? [] : [[role, found] as const]
  })
  const teamBytes = Buffer.byteLength(JSON.stringify(owned))
  if (teamBytes > TEAM_MAX_BYTES) {
    const detail = `must name fewer agents: their definitions together take ${teamBytes} bytes, and at most ${TEAM_MAX_BYTES} bytes are allowed`
    throw wrongField('/roles', detail)
  }
  const goal: GoalSpec = {
    hold: request.run === false,
    replansMax: request.maxReplans ?? REPLANS_DEFAULT,
    roles,
    ...(owned.length === 0 ? {} : { team: Object.fromEntries(owned) }),
  }
  return {
    ...part,
    task: request.goal,
    agent,
    model,
    cpu: 'low',
    memory: 'low',
    priority: request.priority ?? 'medium',
    timeoutMs: request.timeoutMs ?? TIMEOUT_DEFAULT_MS,
    maxAttempts: request.maxAttempts ?? 3,
    ...(request.context === undefined ? {} : { context: checkedContext(request.context) }),
    ...given({ metadata: request.metadata, budget: request.budget }),
    ...(request.approvers === 'other-keys' ? { approvers: request.approvers } : {}),
    goal,
  }
}

/** What a goal shows of a task of its plan. */
export type GoalChild = Pick<TaskView, 'state' | 'usage' | 'error' | 'node'>

/** Converts a goal with its plans and the states of their steps. */
export function goalView(
  record: TaskRecord,
  goal: GoalSpec,
  children: ReadonlyMap<string, GoalChild>,
): GoalView {
  const { calls } = record
  const plannings = planningsOf(goal, calls, record.children)
  const { result, error } = record
  return {
    id: record.taskId,
    state: record.state,
    stage: stageOf(record, goal, plannings, children),
    goal: record.spec.task,
    planner: record.spec.agent,
    model: record.spec.model,
    createdAt: isoTime(record.submittedAtMs),
    updatedAt: isoTime(record.updatedAtMs),
    seq: record.seq,
    plans: plannings.map((planning) => planView(planning, children)),
    usage: [...children.values()].reduce((sum, child) => addUsage(sum, child.usage), record.usage),
    limits: { ...PLAN_LIMITS, maxReplans: goal.replansMax },
    ...given({ waitingFor: taskView(record).waitingFor, result, error }),
  }
}

function stageOf(
  record: TaskRecord,
  { hold, replansMax }: Pick<GoalSpec, 'hold' | 'replansMax'>,
  plannings: readonly Planning[],
  children: ReadonlyMap<string, GoalChild>,
): GoalView['stage'] {
  const last = plannings.at(-1)
  if (isTerminal(record.state)) return 'ended'
  if (record.waitingFor?.kind === 'approval') return 'held'
  if (record.waitingFor?.kind === 'children') return 'running'
  if (last === undefined || last.check.kind === 'invalid') return 'planning'
  if (last.taskIds.length > 0) {
    const states = last.taskIds.map((taskId) => children.get(taskId)?.state)
    if (!states.every((state) => state !== undefined && isTerminal(state))) return 'running'
    // A failed step makes the planner replace the plan, if it still may.
    const completed = states.every((state) => state === 'completed')
    return completed || plannings.length > replansMax ? 'concluding' : 'planning'
  }
  // The plan is there: its tasks are being made, unless a person has to allow that first.
  const word = record.approvals.find(({ step }) => step === last.step)
  const allowed = !hold || record.children.length > 0 || word?.approved === true
  return allowed ? 'running' : 'planning'
}

function planView(
  { step, check, taskIds }: Planning,
  children: ReadonlyMap<string, GoalChild>,
): PlanView {
  if (check.kind === 'invalid') {
    return { step, valid: false, summary: '', problems: [...check.problems], steps: [] }
  }
  const { plan, depth } = check
  return {
    step,
    valid: true,
    summary: plan.summary,
    depth,
    steps: plan.steps.map(({ id, role, task, dependsOn }, position) => {
      const taskId = taskIds[position]
      const child = taskId === undefined ? undefined : children.get(taskId)
      return {
        id,
        role,
        task,
        dependsOn: [...dependsOn],
        ...given({ taskId, state: child?.state, error: child?.error }),
      }
    }),
  }
}
