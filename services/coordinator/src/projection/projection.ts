import type { TailedEvent } from '@agentfleet/adapters'
import type { TaskRecord } from '@agentfleet/domain'
import type { PartDeps } from '../deps.ts'
import { createProjector } from './projector.ts'
import { rebuildProjection } from './rebuild.ts'

/** What keeps the records in Redis complete. */
export type Projection = ReturnType<typeof createProjection>

interface ProjectionDeps extends Pick<
  PartDeps,
  'bus' | 'store' | 'taskLog' | 'clock' | 'log' | 'metrics' | 'retentionMs' | 'shares'
> {
  /** Tasks that began at this time or later cannot have expired. */
  readonly certainlyKeptMs: () => number
}

/** Milliseconds until a failed rebuild is repeated; each further failure doubles them. */
const REBUILD_AGAIN_MIN_MS = 1_000
/** Milliseconds. A full Redis stays full for a while, and a rebuild reads the whole log. */
const REBUILD_AGAIN_MAX_MS = 300_000

/**
 * Keeps the records in Redis complete (L8): it writes the record of each event, marks the sequence up to which Redis
 * is complete, and writes all records again if some are missing. It does nothing before `begin`.
 *
 * Invariants: the mark never passes a write that has failed; after failures the time between two rebuilds grows.
 */
export function createProjection(deps: ProjectionDeps) {
  const { store, log, retentionMs } = deps
  const { monotonicMs } = deps.clock
  const projector = createProjector({ store, retentionMs, log, tenants: deps.shares.tenants })
  let addFrom = 0
  // The sequence of the projection at this process' last check; -1 before the first check.
  let builtSeq = -1
  let rebuildWanted = false
  let rebuildAtMs = -Infinity
  let rebuildWaitMs = REBUILD_AGAIN_MIN_MS

  const rebuild = async (afterSeq: number, signal: AbortSignal): Promise<void> => {
    const certainlyKeptMs = deps.certainlyKeptMs()
    const { builtSeq: built, ...report } = await rebuildProjection({
      ...deps,
      certainlyKeptMs,
      afterSeq,
      signal,
      monotonicMs,
      tenants: deps.shares.tenants,
    })
    builtSeq = built
    rebuildWanted = false
    rebuildAtMs = -Infinity
    rebuildWaitMs = REBUILD_AGAIN_MIN_MS
    deps.metrics.rebuilds.inc()
    log.info(report, 'The coordinator has written all records to Redis again')
  }

  return {
    /** Asks Redis how far it is complete; without an answer every record is written again. */
    async begin(): Promise<void> {
      const built = await store.builtSeq().catch(() => undefined)
      builtSeq = built ?? -1
      rebuildWanted = built === undefined
      addFrom = built ?? Infinity
    },
    /** Writes the record after this event, unless Redis has it since before the start. */
    add(record: TaskRecord, { seq, bytes }: TailedEvent): void {
      if (seq > addFrom) projector.add(record, bytes)
    },
    /** The stored events have been read, so Redis has no record of an event to come. */
    followed(): void {
      addFrom = 0
    },
    /** Removes tasks that the log no longer has; a rebuild removes them if Redis is away. */
    async forget(records: readonly TaskRecord[]): Promise<void> {
      await store.forget(records).catch(() => (rebuildWanted = true))
    },
    /** Marks what Redis has after the events up to this sequence, or writes everything again. */
    async keep(position: number, signal: AbortSignal): Promise<void> {
      if (projector.takeLost()) rebuildWanted = true
      const complete = Math.max(builtSeq, (projector.missingFrom() ?? position + 1) - 1)
      const at = rebuildWanted ? await store.builtSeq() : await store.markBuilt(complete, builtSeq)
      if (!rebuildWanted && at !== undefined && at >= builtSeq) {
        builtSeq = at
        return
      }
      rebuildWanted = true
      const nowMs = monotonicMs()
      if (nowMs < rebuildAtMs) return
      rebuildAtMs = nowMs + rebuildWaitMs
      rebuildWaitMs = Math.min(REBUILD_AGAIN_MAX_MS, 2 * rebuildWaitMs)
      log.warn(
        { at, builtSeq },
        'The records in Redis are missing or outdated; the coordinator writes them again from the log',
      )
      // A restored older state of Redis is still complete up to the sequence that it names.
      await rebuild(at ?? 0, signal)
    },
    /** Whether Redis lacks records: the last write failed, or a rebuild is wanted or under way. */
    outdated: () => projector.failing() || rebuildWanted,
    drain: projector.drain,
  }
}
