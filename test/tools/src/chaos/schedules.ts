import { setTimeout as delay } from 'node:timers/promises'
import type { TailedEvent } from '@agentfleet/adapters'
import { tickTaskId, type ScheduleRequest } from '@agentfleet/protocol'
import { until } from '../audit.ts'
import { checkTicks, type StoredSchedule } from '../invariants/effects.ts'
import type { Histories } from '../invariants/logged-event.ts'
import type { Violation } from '../invariants/violation.ts'
import { wait } from '../steady/strain.ts'
import type { Caller } from './callers.ts'

/** The schedules of a chaos run: two that last, and short ones that are stored and deleted again and again. */

/** The name of the metadata that holds the name of the schedule. */
export const SCHEDULE_KEY = 'schedule'
/** Time between storing and deleting a short schedule, and until the next one, milliseconds. */
const SHORT_MS = 4_000
const BETWEEN_MS = 1_000
/** After the last fault a lasting schedule submits a task within this: leases may have to run out, milliseconds. */
const TICKS_WITHIN_MS = 120_000
const EVERY_SECOND = '* * * * * *'

/** The tasks of all schedules, as the log shows them. */
export interface Ticks {
  note(event: TailedEvent): void
  count(): number
  /** The newest time of submission of a task of this schedule, epoch milliseconds. */
  newestMs(name: string): number
  check(stored: readonly StoredTime[], histories: Histories): Violation[]
}

/** The time in which a schedule may have been stored. */
export type StoredTime = Pick<StoredSchedule, 'name' | 'fromMs' | 'untilMs' | 'alone'>

/** Collects the tasks of schedules. */
export function collectTicks(): Ticks {
  const tenants = new Map<string, string>()
  const tasks = new Map<string, string[]>()
  const newest = new Map<string, number>()
  return {
    note({ taskId, event, storedAtMs }) {
      if (event.type !== 'submitted') return
      const name = event.spec.metadata?.[SCHEDULE_KEY]
      if (name === undefined) return
      tenants.set(name, event.tenant)
      newest.set(name, storedAtMs)
      tasks.set(name, [...(tasks.get(name) ?? []), taskId])
    },
    count: () => [...tasks.values()].reduce((sum, ids) => sum + ids.length, 0),
    newestMs: (name) => newest.get(name) ?? 0,
    check: (stored, histories) =>
      stored.flatMap((times) => {
        const { name } = times
        const idOf = (tickMs: number) => tickTaskId(tenants.get(name) ?? '', name, tickMs)
        return checkTicks({ ...times, taskIds: tasks.get(name) ?? [], idOf }, histories)
      }),
  }
}

/**
 * Keeps schedules until the signal aborts; then waits until the lasting ones have ticked again, and deletes
 * all. `onProblem` receives a schedule that was stored and no longer ticks.
 */
export async function keepSchedules(
  caller: Caller,
  ticks: Pick<Ticks, 'newestMs'>,
  signal: AbortSignal,
  onProblem: (text: string) => void,
): Promise<readonly StoredTime[]> {
  const stored: StoredTime[] = []
  const put = async (name: string, schedule: ScheduleRequest): Promise<() => Promise<void>> => {
    const fromMs = Date.now()
    const alone = schedule.overlap === 'skip'
    await caller.ask((client, within) => client.putSchedule(name, schedule, { signal: within }))
    return async () => {
      await caller.ask((client, within) => client.deleteSchedule(name, { signal: within }))
      stored.push({ name, fromMs, untilMs: Date.now(), alone })
    }
  }
  const lasting = ['each-tick', 'one-at-a-time']
  const removals = [
    await put('each-tick', scheduleOf('each-tick', 'echo')),
    await put('one-at-a-time', {
      ...scheduleOf('one-at-a-time', 'echo?ms=1500'),
      overlap: 'skip',
    }),
  ]
  for (let n = 1; !signal.aborted; n += 1) {
    const name = `short-${n}`
    const remove = await put(name, scheduleOf(name, 'echo'))
    await wait(SHORT_MS, signal)
    await remove()
    await wait(BETWEEN_MS, signal)
  }
  const overMs = Date.now()
  for (const [index, name] of lasting.entries()) {
    await until(
      () => ticks.newestMs(name) > overMs,
      TICKS_WITHIN_MS,
      () => `the schedule ${name} has submitted no task`,
    ).catch((error: unknown) => onProblem(String(error)))
    await removals[index]!()
  }
  // A tick that was submitted while its schedule was deleted is in the log soon.
  await delay(BETWEEN_MS)
  return stored
}

function scheduleOf(name: string, model: string): ScheduleRequest {
  return { cron: EVERY_SECOND, task: { task: 'tick', model, metadata: { [SCHEDULE_KEY]: name } } }
}
