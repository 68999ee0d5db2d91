import {
  tailLog,
  type Bus,
  type LogTail,
  type Store,
  type TailedEvent,
  type TaskLog,
  type UsageTotals,
} from '@agentfleet/adapters'
import { isTerminal, type TaskRecord, type Timing } from '@agentfleet/domain'
import type { Clock, Logger, Service } from '@agentfleet/runtime'
import { createLoops } from '../loops.ts'
import type { CoordinatorMetrics } from '../metrics.ts'
import { createProjector } from './projector.ts'
import { rebuildProjection } from './rebuild.ts'
import type { TaskTable } from './task-table.ts'
import { createTrimmer } from './trim.ts'
import { createUsageCounter } from './usage.ts'

/**
 * The part that reads the log: it folds every event into the table of unfinished tasks, carries
 * records to Redis and usage to the totals, rebuilds what Redis has lost, and trims LOG (L7, L8).
 *
 * States: reading what is stored → followed, once. Invariants: every other part acts only when the
 * log has been followed; a read that fails is repeated until it succeeds.
 */
export interface Follower extends Service {
  /** Whether everything stored at the start has been read. */
  followed(): boolean
  /** Last log sequence read. */
  position(): number
}

/** What following needs. */
export interface FollowerDeps {
  readonly bus: Bus
  readonly taskLog: TaskLog
  readonly store: Store
  readonly usage: UsageTotals
  readonly tasks: TaskTable
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Pick<CoordinatorMetrics, 'events' | 'rebuilds'>
  readonly retentionMs: number
  readonly timing: Pick<Timing, 'projectionEveryMs' | 'trimEveryMs'>
  /** Called with the record after each event, once the log has been followed. */
  readonly receive: (record: TaskRecord) => void
  /** Called once, when the log has been followed. */
  readonly begin: () => void
}

/** Budgets of tenants are kept by these totals. */
const USAGE_EVERY_MS = 300
/** A failed look at the end of the log is repeated after this, milliseconds. */
const AGAIN_AFTER_MS = 500

/** Creates the part; it reads nothing before `start`. */
export function createFollower(deps: FollowerDeps): Follower {
  const { bus, store, tasks, clock, log, metrics, retentionMs } = deps
  const projector = createProjector(store, retentionMs, log)
  const usage = createUsageCounter({ bus, totals: deps.usage, log })
  const trimmer = createTrimmer({ ...deps, nowMs: clock.nowMs })
  let tail: LogTail | undefined
  let followed = false
  let closed = false
  let projectFrom = 0
  let rebuildWanted = false

  const receive = (event: TailedEvent): void => {
    const before = tasks.get(event.taskId)
    const record = tasks.apply(event)
    if (record === undefined) return
    usage.note(event.event, event.seq, before)
    metrics.events.inc({ type: event.event.type })
    const neededFrom = isTerminal(record.state) ? record.submittedSeq : Infinity
    trimmer.note(event.event.atMs, event.seq, neededFrom)
    // What the projection already holds is not written again at every start.
    if (event.seq > projectFrom) projector.add(record)
    if (followed) deps.receive(record)
  }

  /** Resolves when everything stored has been read, however often the look at its end fails. */
  const follow = async (reading: LogTail): Promise<void> => {
    for (;;) {
      try {
        await reading.caughtUp()
        break
      } catch (error) {
        if (closed) return
        log.warn({ err: error }, 'the end of the log is not known, asking again')
        await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS))
      }
    }
    if (closed) return
    followed = true
    projectFrom = 0
    deps.begin()
    log.info({ unfinished: tasks.size(), position: reading.position() }, 'log followed')
  }

  const keepProjection = async (): Promise<void> => {
    const position = tail?.position() ?? 0
    if (projector.takeLost()) rebuildWanted = true
    if ((await store.builtSeq()) !== undefined && !rebuildWanted) {
      if (projector.clean()) await store.markBuilt(position)
      return
    }
    log.warn({}, 'the projection is missing, rebuilding it from the log')
    const report = await rebuildProjection({ ...deps, monotonicMs: clock.monotonicMs })
    rebuildWanted = false
    metrics.rebuilds.inc()
    log.info(report, 'projection rebuilt')
  }

  const loops = createLoops({ clock, log, followed: () => followed }, [
    {
      name: 'projection',
      everyMs: deps.timing.projectionEveryMs,
      run: keepProjection,
      runDeadlineMs: 600_000,
    },
    {
      name: 'usage',
      everyMs: USAGE_EVERY_MS,
      run: () => usage.flush(),
      runDeadlineMs: 120_000,
    },
    { name: 'trim', everyMs: deps.timing.trimEveryMs, run: () => trimmer.trim() },
  ])

  return {
    followed: () => followed,
    position: () => tail?.position() ?? 0,
    async start() {
      if (tail !== undefined) return
      // Without a projection, or without an answer about it, everything is carried over again.
      const builtSeq = await store.builtSeq().catch(() => undefined)
      rebuildWanted = builtSeq === undefined
      projectFrom = builtSeq ?? Infinity
      tail = tailLog(bus, { afterSeq: 0, log, receive })
      void follow(tail)
      await loops.start()
    },
    async drain(deadlineMs) {
      closed = true
      await loops.drain(deadlineMs)
      await tail?.close()
      await projector.drain()
    },
    ready: () =>
      followed ? (loops.ready?.() ?? { ok: true }) : { ok: false, reason: 'log-not-followed' },
  }
}
