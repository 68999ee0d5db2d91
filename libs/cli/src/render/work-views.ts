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
import { fields, listing, right, stateCell, table, type Cell, type Look } from './table.ts'
import { errorText, safe, valueText } from './text.ts'

/** Defined agents, one a row. */
export function agentTable(agents: readonly AgentSummary[], look: Look): string {
  return listing(agents, look, [
    ['AGENT', ({ name }) => name],
    ['VERSION', versionCell],
    ['MODEL', ({ model }) => model ?? '—'],
    ['ROLE', ({ role }) => role ?? '—'],
    ['FOR', ({ description }) => description ?? ''],
  ])
}

function versionCell({ version, builtIn }: Pick<AgentView, 'version' | 'builtIn'>): Cell {
  return builtIn ? { text: 'built-in', tone: 'dim' } : String(version)
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
  return listing(versions, look, [
    ['VERSION', versionCell],
    ['CHANGED', ({ updatedAt }) => time(updatedAt)],
    ['MODEL', ({ definition }) => definition.model ?? '—'],
    ['ROLE', ({ definition }) => definition.role ?? '—'],
    ['FOR', ({ definition }) => definition.description ?? ''],
  ])
}

/** Models that tasks may name. */
export function modelTable(models: readonly ModelView[], look: Look): string {
  return listing(models, look, [
    ['MODEL', ({ name }) => name],
    [right('NODES'), ({ nodes }) => count(nodes)],
  ])
}

/** Tools that agents may name. */
export function toolTable(tools: readonly ToolView[], look: Look): string {
  return listing(tools, look, [
    ['TOOL', ({ name }) => name],
    ['SOURCE', ({ source }) => source],
    [right('NODES'), ({ nodes }) => count(nodes)],
    ['APPROVAL', ({ approval }) => (approval ? { text: 'needed', tone: 'warn' } : 'no')],
    ['DESCRIPTION', ({ description }) => description],
  ])
}

/** Goals, one a row. */
export function goalTable(goals: readonly TaskSummary[], look: Look, nowMs: number): string {
  return listing(goals, look, [
    ['ID', ({ id }) => id],
    ['STATE', ({ state }) => stateCell(state)],
    [right('AGE'), ({ createdAt }) => age(msOf(createdAt), nowMs)],
    [right('COST'), ({ usage }) => costText(usage)],
    [
      'GOAL',
      ({ error, preview }) => (error === undefined ? preview : `${errorText(error)} (${preview})`),
    ],
  ])
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
    const steps = listing(plan.steps, look, [
      ['STEP', ({ id }) => id],
      ['ROLE', ({ role }) => role],
      ['STATE', ({ state }) => stateCell(state ?? '—')],
      ['AFTER', ({ dependsOn }) => dependsOn.join(', ') || '—'],
      ['TASK ID', ({ taskId }) => taskId ?? '—'],
      ['TASK', ({ error, task }) => (error === undefined ? task : errorText(error))],
    ])
    parts.push(steps)
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
  return listing(schedules, look, [
    ['SCHEDULE', ({ name }) => name],
    ['CRON', ({ cron }) => cron],
    ['ZONE', ({ timeZone }) => timeZone],
    ['NEXT', (schedule) => nextText(schedule, nowMs)],
    ['LAST', (schedule) => lastText(schedule, nowMs)],
    ['LAST TASK', ({ lastTaskId }) => lastTaskId ?? '—'],
    ['TASK', ({ task }) => task.task],
  ])
}

function lastText({ lastTickAt, lastSkipped }: ScheduleView, nowMs: number): string {
  if (lastTickAt === undefined) return '—'
  return `${ago(msOf(lastTickAt), nowMs)}${lastSkipped === true ? ', skipped' : ''}`
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
