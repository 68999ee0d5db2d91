import { age, ago, BY_TICK, costText, count, pastRuns, plural } from '@agentfleet/domain'
import type {
  AgentSummary,
  AgentView,
  GoalView,
  ModelView,
  ScheduleTicks,
  ScheduleView,
  TaskSummary,
  ToolView,
} from '@agentfleet/protocol'
import { msOf, time } from './formats.ts'
import { fields, right, stateCell, table, type Look } from './table.ts'
import { errorText, safe, valueText } from './text.ts'

/** Defined agents, one a row. */
export function agentTable(agents: readonly AgentSummary[], look: Look): string {
  return table(
    ['AGENT', 'VERSION', 'MODEL', 'ROLE', 'FOR'],
    agents.map(({ name, version, builtIn, model, role, description }) => [
      name,
      builtIn ? { text: 'built-in', tone: 'dim' } : String(version),
      model ?? '—',
      role ?? '—',
      description ?? '',
    ]),
    look,
  )
}

/** One agent and its definition. */
export function agentDetails(agent: AgentView, look: Look): string {
  const head = fields(
    [
      ['agent', agent.name],
      ['version', agent.builtIn ? 'built-in' : String(agent.version)],
      ['changed', agent.updatedAt && time(agent.updatedAt)],
    ],
    look,
  )
  return `${head}\n\n${safe(JSON.stringify(agent.definition, undefined, 2))}`
}

/** The known versions of one agent, newest first. */
export function versionTable(versions: readonly AgentView[], look: Look): string {
  const columns = ['VERSION', 'CHANGED', 'MODEL', 'ROLE', 'FOR']
  return table(
    columns,
    versions.map(({ version, builtIn, updatedAt, definition }) => [
      builtIn ? { text: 'built-in', tone: 'dim' } : String(version),
      time(updatedAt),
      definition.model ?? '—',
      definition.role ?? '—',
      definition.description ?? '',
    ]),
    look,
  )
}

/** Models that tasks may name. */
export function modelTable(models: readonly ModelView[], look: Look): string {
  return table(
    ['MODEL', right('NODES')],
    models.map(({ name, nodes }) => [name, count(nodes)]),
    look,
  )
}

/** Tools that agents may name. */
export function toolTable(tools: readonly ToolView[], look: Look): string {
  return table(
    ['TOOL', 'SOURCE', right('NODES'), 'APPROVAL', 'DESCRIPTION'],
    tools.map(({ name, source, nodes, approval, description }) => [
      name,
      source,
      count(nodes),
      approval ? { text: 'needed', tone: 'warn' } : 'no',
      description,
    ]),
    look,
  )
}

/** Goals, one a row. */
export function goalTable(goals: readonly TaskSummary[], look: Look, nowMs: number): string {
  return table(
    ['ID', 'STATE', right('AGE'), right('COST'), 'GOAL'],
    goals.map(({ id, state, createdAt, usage, error, preview }) => [
      id,
      stateCell(state),
      age(msOf(createdAt), nowMs),
      costText(usage),
      error === undefined ? preview : `${errorText(error)} (${preview})`,
    ]),
    look,
  )
}

/** A goal with the steps of its newest plan. */
export function goalDetails(goal: GoalView, look: Look, nowMs: number): string {
  const plan = goal.plans.at(-1)
  const head = fields(
    [
      ['id', goal.id],
      ['state', stateCell(goal.state, `${goal.state}, ${goal.stage}`)],
      ['error', goal.error && { text: errorText(goal.error), tone: 'bad' }],
      ['goal', goal.goal],
      ['planner', `${goal.planner}, ${goal.model}`],
      ['submitted', `${time(goal.createdAt)} (${ago(msOf(goal.createdAt), nowMs)})`],
      ['plans', String(goal.plans.length)],
      ['cost', `${costText(goal.usage)}, ${plural(goal.usage.llmCalls, 'LLM call')}`],
      ['plan', plan && `${plan.valid ? '' : 'invalid: '}${plan.summary}`],
      ['problems', plan?.problems?.join('; ')],
    ],
    look,
  )
  const parts = [head]
  if (plan !== undefined && plan.steps.length > 0) {
    const rows = plan.steps.map(({ id, role, state, dependsOn, task, taskId, error }) => [
      id,
      role,
      stateCell(state ?? '—'),
      dependsOn.join(', ') || '—',
      taskId ?? '—',
      error === undefined ? task : errorText(error),
    ])
    const names = ['STEP', 'ROLE', 'STATE', 'AFTER', 'TASK ID', 'TASK']
    parts.push(table(names, rows, look))
  }
  if (goal.result !== undefined) {
    parts.push(`${look.paint('result', 'dim')}\n${safe(valueText(goal.result))}`)
  }
  return parts.join('\n\n')
}

/** Schedules, one a row. */
export function scheduleTable(
  schedules: readonly ScheduleView[],
  look: Look,
  nowMs: number,
): string {
  const columns = ['SCHEDULE', 'CRON', 'ZONE', 'NEXT', 'LAST', 'LAST TASK', 'TASK']
  return table(
    columns,
    schedules.map((each) => [
      each.name,
      each.cron,
      each.timeZone,
      nextText(each, nowMs),
      each.lastTickAt === undefined
        ? '—'
        : `${ago(msOf(each.lastTickAt), nowMs)}${each.lastSkipped === true ? ', skipped' : ''}`,
      each.lastTaskId ?? '—',
      each.task.task,
    ]),
    look,
  )
}

/** One schedule and its task. */
export function scheduleDetails(schedule: ScheduleView, look: Look, nowMs: number): string {
  const head = fields(
    [
      ['schedule', schedule.name],
      ['cron', `${schedule.cron} (${schedule.timeZone})`],
      ['next', nextText(schedule, nowMs)],
      ['last tick', schedule.lastTickAt && time(schedule.lastTickAt)],
      ['last task', schedule.lastTaskId],
      ['overlap', schedule.overlap],
      ['version', String(schedule.version)],
      ['changed', time(schedule.updatedAt)],
    ],
    look,
  )
  return `${head}\n\n${safe(JSON.stringify(schedule.task, undefined, 2))}`
}

/** The last ticks of a schedule and its next ticks, one a row, in the order of time. */
export function tickTable(ticks: ScheduleTicks, look: Look): string {
  const { next, last, manual } = ticks
  const columns = ['TIME', 'STATE', 'TASK ID', { name: 'STARTED BY', leaves: 1 }]
  if (next.length === 0 && last.length === 0 && manual.length === 0) {
    return 'The schedule has not ticked, and no tick is planned: it is paused, or its expression names no further time.'
  }
  return table(
    columns,
    [
      ...pastRuns(ticks)
        .toReversed()
        .map((run) => {
          const state = 'skipped' in run && run.skipped ? 'skipped' : (run.state ?? '—')
          return [time(run.at), stateCell(state), run.taskId ?? '—', run.by]
        }),
      ...next.map((at) => [time(at), 'planned', '—', BY_TICK]),
    ],
    look,
  )
}

function nextText({ paused, nextAt }: ScheduleView, nowMs: number): string {
  if (paused) return 'paused'
  return nextAt === undefined ? 'never' : ago(msOf(nextAt), nowMs)
}
