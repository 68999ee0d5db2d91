import type { StreamTail } from '@agentfleet/adapters'
import { createZones } from '@agentfleet/domain'
import type { PartDeps } from '../deps.ts'
import { createInTurn } from './in-turn.ts'
import { AGAIN_AFTER_MS, runTick, type ScheduleEntry, type TickDeps } from './ticks.ts'

/** Schedules examined at once: enough to hide the round trips to the log. */
const PARALLEL = 16
/**
 * Runs schedules. Each coordinator follows the stream SCHEDULES and runs what is due. The id of a
 * tick's task follows from tenant, schedule and tick, so a tick gets one task no matter how many
 * coordinators run it (L1). A coordinator notes a tick after it has stored the task; if it dies in
 * between, the next one finds the task and notes the tick. If tasks must not overlap, it notes the tick before
 * as well, because the next one would submit a later tick while this task runs. Invariants (L7): at most PARALLEL
 * schedules are examined at once, of a tenant at most its share, and tenants take turns, so a tenant with many schedules
 * delays none of another; a coordinator keeps the times of schedules and never their tasks, which together may take more
 * memory than it has.
 */
export function createScheduler(given: Omit<TickDeps, 'zones'> & Pick<PartDeps, 'tenants'>) {
  const { schedules, log, nowMs, tenants } = given
  const deps = { ...given, zones: createZones() }
  const entries = new Map<string, ScheduleEntry>()
  let tail: StreamTail | undefined

  const entryOf = (tenant: string, name: string): ScheduleEntry => {
    const key = `${tenant}/${name}`
    const known = entries.get(key)
    if (known !== undefined) return known
    const made: ScheduleEntry = {
      tenant,
      name,
      times: undefined,
      run: undefined,
      runSeq: 0,
      dueAtMs: 0,
      busy: false,
    }
    entries.set(key, made)
    return made
  }

  const remove = (tenant: string, name: string, seq: number): void => {
    entryOf(tenant, name).times = undefined
    entries.delete(`${tenant}/${name}`)
    // If this fails, a small record stays in the stream; the next start recognizes it as deleted.
    void schedules.forget(tenant, name, seq).catch(() => undefined)
  }

  const due = createInTurn<ScheduleEntry>(PARALLEL, tenants, async (entry) => {
    await runTick(deps, entry).catch((error: unknown) =>
      log.warn(
        { err: error, schedule: entry.name },
        'The coordinator could not check a schedule; it tries again',
      ),
    )
    entry.busy = false
  })

  return {
    start(): void {
      tail ??= schedules.follow(
        (change) => {
          if (change.kind === 'removed') return remove(change.tenant, change.name, change.seq)
          const entry = entryOf(change.tenant, change.name)
          entry.dueAtMs = 0
          if (change.kind === 'ran') {
            entry.run = change.run
            entry.runSeq = change.seq
            // The coordinator that noted it submits its task now.
            if (change.run.pending === true) entry.dueAtMs = nowMs() + AGAIN_AFTER_MS
          } else entry.times = change.times
        },
        log,
        () => entries.clear(),
      )
    },
    /** Starts to examine every schedule that is due. */
    tick(): void {
      const now = nowMs()
      for (const entry of entries.values()) {
        if (entry.dueAtMs > now || entry.busy) continue
        entry.dueAtMs = now + AGAIN_AFTER_MS
        entry.busy = true
        due.add(entry.tenant, entry)
      }
    },
    /** How long the scheduler has not got ahead although there are more schedules to read, milliseconds. */
    stuckForMs: () => tail?.stuckForMs() ?? 0,
    async close(): Promise<void> {
      due.close()
      await tail?.close()
    },
  }
}
