import { tailLog, type Bus, type Logger, type Store } from '@agentfleet/adapters'
import { createProjector } from './projector.ts'
import { createTaskTable } from './task-table.ts'

/** How a rebuild went. */
export interface RebuildReport {
  readonly events: number
  readonly tasks: number
  readonly ms: number
  readonly eventsPerSecond: number
}

/** A long rebuild says how far it is, milliseconds. */
const REBUILD_LOG_EVERY_MS = 5_000

/**
 * Makes the whole projection again from the first event of the log (L8), beside the normal work:
 * records only move forward, so both may write.
 */
export async function rebuildProjection(deps: {
  readonly bus: Bus
  readonly store: Store
  readonly log: Logger
  readonly retentionMs: number
  readonly monotonicMs: () => number
}): Promise<RebuildReport> {
  const { log } = deps
  const startedMs = deps.monotonicMs()
  const table = createTaskTable()
  const projector = createProjector(deps.store, deps.retentionMs, log)
  let events = 0
  let tasks = 0
  const tail = tailLog(deps.bus, {
    afterSeq: 0,
    log,
    receive(event) {
      events += 1
      if (event.event.type === 'submitted') tasks += 1
      const record = table.apply(event)
      if (record !== undefined) projector.add(record)
    },
  })
  const progress = setInterval(
    () => log.info({ events, tasks, position: tail.position() }, 'rebuilding the projection'),
    REBUILD_LOG_EVERY_MS,
  )
  try {
    await tail.caughtUp()
    await projector.drain()
    if (projector.takeLost()) throw new Error('the store did not keep up with the rebuild')
    await deps.store.markBuilt(tail.position())
  } finally {
    clearInterval(progress)
    await tail.close()
  }
  const ms = deps.monotonicMs() - startedMs
  return { events, tasks, ms, eventsPerSecond: Math.round((events * 1_000) / Math.max(1, ms)) }
}
