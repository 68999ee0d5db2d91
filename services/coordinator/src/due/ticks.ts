import type { ScheduleTimes, TaskLog } from '@agentfleet/adapters'
import {
  createTicks,
  decideTick,
  isTerminalEvent,
  type ScheduleRun,
  type Ticks,
  type Zones,
} from '@agentfleet/domain'
import { tickTaskId } from '@agentfleet/protocol'
import { CronPattern } from 'croner'
import { APPEND_WITHIN_MS } from '../log-limits.ts'
import type { PartDeps } from '../deps.ts'

/** A schedule as the scheduler knows it. */
export interface ScheduleEntry {
  readonly tenant: string
  readonly name: string
  times: ScheduleTimes | undefined
  run: ScheduleRun | undefined
  runSeq: number
  /** The time before which the schedule is not examined again. */
  dueAtMs: number
  /** Whether it waits to be examined, or is examined now. */
  busy: boolean
}

/** What running a tick needs. */
export interface TickDeps extends Pick<
  PartDeps,
  'schedules' | 'taskLog' | 'submitter' | 'log' | 'nowMs'
> {
  readonly zones: Zones
}

/** Milliseconds until an unsettled schedule is examined again. */
export const AGAIN_AFTER_MS = 1_000

/** Submits or skips the tick of a schedule that is due, or notes when the next one is. */
export async function runTick(deps: TickDeps, entry: ScheduleEntry): Promise<void> {
  const { times, run } = entry
  const ticks = times === undefined ? undefined : ticksOf(deps.zones, times)
  if (times === undefined || ticks === undefined) return
  const lastOpen = times.overlap === 'skip' && (await isOpen(deps.taskLog, run?.taskId))
  const schedule = { ...times, atMs: times.fromMs }
  const decision = decideTick(schedule, run, ticks.after, lastOpen, deps.nowMs())
  switch (decision.kind) {
    case 'rest':
      entry.dueAtMs = Infinity
      return
    case 'wait':
      entry.dueAtMs = decision.untilMs
      return
    case 'skip':
      return skip(deps, entry, decision.tickMs)
    case 'submit':
      return submitTick(deps, entry, times, decision)
  }
}

async function skip(deps: TickDeps, entry: ScheduleEntry, tickMs: number): Promise<void> {
  const { run, tenant, name } = entry
  const before = run?.taskId === undefined ? {} : { taskId: run.taskId }
  await note(deps, entry, { tickMs, skipped: true, atMs: deps.nowMs(), ...before })
  deps.log.info(
    { tenant, schedule: name, tickMs },
    'The coordinator skipped one submission of a schedule because the previous task has not ended',
  )
}

async function submitTick(
  deps: TickDeps,
  entry: ScheduleEntry,
  times: ScheduleTimes,
  { tickMs, reason }: Extract<ReturnType<typeof decideTick>, { readonly kind: 'submit' }>,
): Promise<void> {
  const { log, nowMs } = deps
  const { tenant, name } = entry
  const taskId = tickTaskId(tenant, name, tickMs)
  const tick = { tickMs, taskId, skipped: false }
  if (times.overlap === 'skip' && reason !== 'pending') {
    if (!(await note(deps, entry, { ...tick, pending: true, atMs: nowMs() }))) return
  }
  if (!(await submit(deps, entry, taskId))) {
    entry.dueAtMs = nowMs() + AGAIN_AFTER_MS
    log.warn(
      { tenant, schedule: name, tickMs },
      'The coordinator could not submit the task of a schedule; it tries again',
    )
    return
  }
  await note(deps, entry, { ...tick, atMs: nowMs() })
  log.info(
    { tenant, schedule: name, tickMs, taskId, reason },
    'The coordinator submitted the task of a schedule',
  )
}

async function isOpen(
  taskLog: Pick<TaskLog, 'last'>,
  taskId: string | undefined,
): Promise<boolean> {
  if (taskId === undefined) return false
  const last = await taskLog.last(taskId)
  return last !== undefined && !isTerminalEvent(last.event)
}

/** Returns false if the task is not stored, or if the schedule has changed, which the tail will say. */
async function submit(
  { schedules, submitter, nowMs }: TickDeps,
  { tenant, name, times }: ScheduleEntry,
  taskId: string,
): Promise<boolean> {
  const { schedule } = await schedules.get(tenant, name)
  if (schedule === undefined || schedule.atMs !== times?.atMs) return false
  const outcome = await submitter.submit({
    taskId,
    tenant,
    spec: schedule.spec,
    atMs: nowMs(),
    keyed: true,
    deadlineMs: APPEND_WITHIN_MS,
  })
  return outcome.kind !== 'unknown' && outcome.kind !== 'full'
}

/** Returns whether the note is stored. */
async function note(
  { schedules, nowMs }: TickDeps,
  entry: ScheduleEntry,
  run: ScheduleRun,
): Promise<boolean> {
  const outcome = await schedules.noteRun(entry.tenant, entry.name, run, entry.runSeq)
  const isStored = outcome.kind === 'stored'
  if (isStored) Object.assign(entry, { run, runSeq: outcome.seq })
  // After a conflict the tail delivers what another coordinator noted.
  entry.dueAtMs = isStored ? 0 : nowMs() + AGAIN_AFTER_MS
  return isStored
}

/** Parses the expression; the gateway has checked it. A schedule that still cannot be parsed never runs. */
function ticksOf(zones: Zones, { cron, timeZone }: ScheduleTimes): Ticks | undefined {
  try {
    return createTicks(new CronPattern(cron), zones(timeZone))
  } catch {
    return undefined
  }
}
