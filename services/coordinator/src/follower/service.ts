import { setTimeout as pause } from 'node:timers/promises'
import { LOG_FILL_EVERY_MS, tailLog, type StreamTail, type TailedEvent } from '@agentfleet/adapters'
import type { TaskRecord } from '@agentfleet/domain'
import type { Readiness } from '@agentfleet/runtime'
import { createLoops, together, type Loop } from '../loops.ts'
import type { PartDeps } from '../deps.ts'
import { createReadingWatch } from '../reading-watch.ts'
import type { LogClock } from './log-clock.ts'
import { createProjection, type Projection } from '../projection/projection.ts'
import { dropGhosts } from './ghosts.ts'
import { createTrimmer } from './trim.ts'
import { createUsageCounter } from './usage.ts'

interface FollowerDeps extends PartDeps {
  readonly logClock: LogClock
  /** Called with the record after each event, once the log has been followed. */
  readonly receive: (record: TaskRecord) => void
  /** Called once, when the log has been followed. */
  readonly begin: () => void
}

/** Milliseconds; the budgets of tenants depend on these totals. */
const USAGE_EVERY_MS = 300
/** Milliseconds; in this time the clocks of two machines drift apart by less than one. */
const LOOK_EVERY_MS = 5_000
/** Milliseconds; a gateway counts what it admits in the meantime itself. */
const HOLDINGS_EVERY_MS = 500
/** Milliseconds. A rebuild writes some thousand records a second, and a log holds some million tasks. */
const REBUILD_WITHIN_MS = 3_600_000
/** Why a coordinator is not ready, and why its process ends in the end. */
const LOG_NOT_READ = 'log-not-read'
/** What a fleet does without while Redis lacks records: lists that are up to date. */
const RECORDS_OUTDATED = 'records-outdated'
/** Milliseconds until the end of the log is looked up again. */
const AGAIN_AFTER_MS = 500

/**
 * Reads the log from `start` on: it folds every event into the table of unfinished tasks, writes records to Redis
 * and usage to the totals, rebuilds what Redis has lost, and trims LOG (L7, L8).
 *
 * States: reading the stored events → followed, once. Invariants: every other part acts only after the log
 * has been followed; a failed read is repeated until it succeeds; a follower that does not get ahead is not
 * ready, and in the end ends its process, so that no process stays half dead.
 */
export function createFollower(deps: FollowerDeps) {
  const { tasks, holdings, series, shares, log, metrics } = deps
  const usage = createUsageCounter({ ...deps, totals: deps.usage, tenants: shares.tenants })
  const projection = createProjection({ ...deps, certainlyKeptMs: () => certainlyKeptMs(deps) })
  let tail: StreamTail | undefined
  let followed = false
  let closed = false
  const position = (): number => tail?.position() ?? 0

  const receive = (event: TailedEvent): void => {
    const before = tasks.get(event.taskId)
    const record = tasks.apply(event)
    if (record === undefined) return
    holdings.note(event, record)
    usage.note(event.event, event.seq, before)
    series.note(event.event, event.storedAtMs, before, record)
    metrics.events.inc({ type: event.event.type })
    projection.add(record, event)
    if (followed) deps.receive(record)
  }

  const follow = async (reading: StreamTail): Promise<void> => {
    while (!closed) {
      if (await readToEnd(deps, reading, projection, () => closed)) break
      await pause(AGAIN_AFTER_MS)
    }
    if (closed) return
    followed = true
    projection.followed()
    deps.begin()
    log.info(
      { unfinished: tasks.size(), position: reading.position() },
      'The coordinator has read the log to its end',
    )
  }

  const watch = createReadingWatch(deps, {
    name: 'log-reading',
    reason: LOG_NOT_READ,
    message: 'The coordinator cannot read the log; the process ends',
    stuckForMs: () => tail?.stuckForMs() ?? 0,
  })
  const loops = createLoops(deps, loopsOf(deps, projection, usage, position))
  const running = together([watch, loops])

  return {
    /** Whether everything that was stored at the start has been read. */
    followed: () => followed,
    /** Returns the last log sequence read. */
    position,
    async start(): Promise<void> {
      if (tail !== undefined) return
      await projection.begin()
      tail = tailLog(deps.bus, { afterSeq: 0, log, receive })
      void follow(tail)
      await running.start()
    },
    async drain(deadlineMs: number): Promise<void> {
      closed = true
      shares.close()
      await running.drain(deadlineMs)
      await tail?.close()
      await projection.drain()
    },
    ready(): Readiness {
      if (!followed) return { ok: false, reason: 'log-not-followed' }
      const readiness = running.ready()
      if (!readiness.ok || !projection.outdated()) return readiness
      return { ok: true, degraded: [RECORDS_OUTDATED] }
    },
  }
}

/** What the follower does from time to time, once the log has been followed. */
function loopsOf(
  deps: FollowerDeps,
  projection: Projection,
  usage: ReturnType<typeof createUsageCounter>,
  position: () => number,
): Loop[] {
  const trimmer = createTrimmer(deps)
  return [
    {
      name: 'projection',
      everyMs: deps.timing.projectionEveryMs,
      run: (signal) => projection.keep(position(), signal),
      runDeadlineMs: REBUILD_WITHIN_MS,
    },
    { name: 'usage', everyMs: USAGE_EVERY_MS, run: () => usage.flush(), runDeadlineMs: 120_000 },
    {
      name: 'holdings',
      everyMs: HOLDINGS_EVERY_MS,
      async run() {
        deps.holdings.expire(deps.logClock.nowMs())
        deps.shares.announce(position(), projection.outdated())
      },
    },
    { name: 'log-fill', everyMs: LOG_FILL_EVERY_MS, run: () => deps.logFill.look() },
    { name: 'log-clock', everyMs: LOOK_EVERY_MS, run: () => deps.logClock.look() },
    { name: 'redis-fill', everyMs: LOOK_EVERY_MS, run: () => deps.shares.lookAtRedis() },
    {
      name: 'trim',
      everyMs: deps.timing.trimEveryMs,
      run: () => trimmer.trim(),
      runDeadlineMs: 600_000,
    },
  ]
}

function certainlyKeptMs({ endedTasks, logClock }: FollowerDeps): number {
  return endedTasks.certainlyKeptMs(logClock.nowMs())
}

/** Reads what is stored now; returns whether the log could be read to its end. */
async function readToEnd(
  deps: FollowerDeps,
  reading: StreamTail,
  projection: Projection,
  closed: () => boolean,
): Promise<boolean> {
  const { log, logClock } = deps
  try {
    await logClock.look()
    await deps.logFill.look()
    await reading.caughtUp()
    // Another replica may have purged the ends of tasks whose beginnings were read here.
    const ghosts = await dropGhosts({ ...deps, certainlyKeptMs: certainlyKeptMs(deps) })
    deps.holdings.drop(ghosts.map(({ taskId }) => taskId))
    await projection.forget(ghosts)
    if (ghosts.length > 0)
      log.info(
        { ghosts: ghosts.length },
        'The coordinator dropped tasks from its table because their events were purged from the log',
      )
    return true
  } catch (error) {
    if (closed()) return false
    log.warn({ err: error }, 'The coordinator could not read the end of the log; it tries again')
    return false
  }
}
