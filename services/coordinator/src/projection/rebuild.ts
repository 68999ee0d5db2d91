import { tailLog } from '@agentfleet/adapters'
import { dropGhosts } from '../follower/ghosts.ts'
import type { PartDeps } from '../deps.ts'
import { createProjector } from './projector.ts'
import { createTaskTable } from '../follower/task-table.ts'

const NOT_STORED = 'Redis did not store all records of the rebuild'
/** Milliseconds between progress messages. */
const REBUILD_LOG_EVERY_MS = 5_000

/** What a rebuild needs. */
interface RebuildDeps extends Pick<PartDeps, 'bus' | 'store' | 'taskLog' | 'log' | 'retentionMs'> {
  /** Tasks that began at this time or later cannot have expired. */
  readonly certainlyKeptMs: number
  /** The projection is complete up to this sequence; 0 writes everything. */
  readonly afterSeq: number
  /** Ends the rebuild early: it took too long, or the process drains. */
  readonly signal: AbortSignal
  readonly monotonicMs: () => number
  /** The tenants that share the memory for specs. */
  readonly tenants?: () => number
}

/**
 * Rebuilds the whole projection from the first event of the log (L8) while normal writes continue;
 * both may write, because a record is only ever replaced by a newer one. Tasks whose ends another
 * replica purged meanwhile do not stay in Redis. `builtSeq`: up to here the projection is complete.
 */
export async function rebuildProjection(deps: RebuildDeps) {
  const { log, afterSeq, signal } = deps
  const startedMs = deps.monotonicMs()
  const table = createTaskTable(deps.tenants)
  let away: (error: unknown) => void = () => undefined
  const redisAway = new Promise<never>((_, reject) => (away = reject))
  redisAway.catch(() => undefined)
  const stop = (): void =>
    away(new Error('The rebuild of Redis was ended', { cause: signal.reason }))
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  // The log can be read faster than Redis writes, so reading waits for room.
  const projector = createProjector({
    store: deps.store,
    retentionMs: deps.retentionMs,
    log,
    written: () => tail.poke(),
    failed: (cause) => away(new Error(NOT_STORED, { cause })),
  })
  const read = { events: 0, tasks: 0 }
  const tail = tailLog(deps.bus, {
    afterSeq: 0,
    log,
    hasRoom: projector.hasRoom,
    receive(event) {
      read.events += 1
      if (event.event.type === 'submitted') read.tasks += 1
      const record = table.apply(event)
      if (record !== undefined && event.seq > afterSeq) projector.add(record, event.bytes)
    },
  })
  let builtSeq = 0
  const say = (): void =>
    log.info(
      { ...read, position: tail.position() },
      'The coordinator is writing all records to Redis again',
    )
  const progress = setInterval(say, REBUILD_LOG_EVERY_MS)
  try {
    await Promise.race([tail.caughtUp(), redisAway])
    // Records of events that arrive from here on may not be written yet when the mark is.
    const position = tail.position()
    // The projection is complete only if every write succeeded; otherwise the next round starts again.
    if (!(await projector.drain())) throw new Error(NOT_STORED)
    await deps.store.forget(await dropGhosts({ ...deps, tasks: table }))
    const at = await deps.store.markBuilt(position, afterSeq === 0 ? -1 : afterSeq)
    if (at === undefined || at < position) throw new Error('Redis lost records during the rebuild')
    builtSeq = at
  } finally {
    clearInterval(progress)
    signal.removeEventListener('abort', stop)
    projector.close()
    await tail.close()
  }
  const ms = deps.monotonicMs() - startedMs
  const eventsPerSecond = Math.round((read.events * 1_000) / Math.max(1, ms))
  return { ...read, ms, eventsPerSecond, builtSeq }
}
