import { ack, type Bus, type Store } from '@agentfleet/adapters'
import { planRecovery } from '@agentfleet/domain'
import { ServiceError } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { FleetView } from './fleet-view.ts'

/**
 * Gives the pointers of a dead node back.
 *
 * Invariants: R1 a pointer is given back once: before a batch its notes are read again and only
 * those that still name the dead node count, after it exactly those notes are dropped; R2 whatever
 * goes wrong, the pointer's lease (`ack_wait`) hands it out again.
 */

/** How a redistribution ended. */
export type Redistribution =
  | { readonly kind: 'given-back'; readonly tasks: number }
  /** The notes cannot be read: the leases run out by themselves. */
  | { readonly kind: 'notes-unreadable'; readonly tasks: 0 }

/** What it takes. */
export interface RedistributeDeps {
  readonly bus: Bus
  readonly store: Store
  readonly fleet: FleetView
  readonly log: Logger
}

type Note = { readonly taskId: string; readonly nodeId: string; readonly ackSubject: string }

/** Twice this between three batches leaves most of the failover budget of 300 ms to the work. */
const BATCH_PAUSE_MS = 40
/** Redis restarts within seconds; a fifth of the verdict's ack_wait is left to it. */
const STORE_TRIES = 5
const STORE_RETRY_MS = 400
const ROUND_TRIP_WITHIN_MS = 2_000

/** Gives back all that is noted for a node; throws `bus-unavailable` when the bus is away. */
export async function redistribute(
  { bus, store, fleet, log }: RedistributeDeps,
  nodeId: string,
): Promise<Redistribution> {
  const notes = await withTries(() => store.inflightOf(nodeId), log)
  if (notes === undefined) return { kind: 'notes-unreadable', tasks: 0 }
  const byTask = new Map<string, Note>(notes.map((note) => [note.taskId, note]))
  const { batches } = planRecovery(notes, fleet.credits())
  const settled: Promise<boolean>[] = []
  let tasks = 0
  for (const [index, batch] of batches.entries()) {
    let stranded: readonly Note[] = batch.flatMap(({ taskId }) => byTask.get(taskId) ?? [])
    if (index > 0) {
      await fleet.creditsWithin(BATCH_PAUSE_MS)
      const still = await withTries(() => stillNaming(store, nodeId, stranded), log)
      if (still === undefined) break
      stranded = still
    }
    for (const { ackSubject } of stranded) ack.giveBack(bus, ackSubject)
    tasks += stranded.length
    settled.push(settle({ bus, store, log }, stranded))
  }
  if (!(await Promise.all(settled)).every(Boolean)) {
    throw new ServiceError('bus-unavailable', 'unknown whether the pointers were given back')
  }
  return { kind: 'given-back', tasks }
}

/** Sees that the broker has got a batch, then drops its notes; a note written anew stays (R1). */
async function settle(
  { bus, store, log }: Pick<RedistributeDeps, 'bus' | 'store' | 'log'>,
  stranded: readonly Note[],
): Promise<boolean> {
  if (!(await bus.roundTrip(ROUND_TRIP_WITHIN_MS))) return false
  await withTries(() => store.dropStranded(stranded), log)
  return true
}

async function stillNaming(
  store: Store,
  nodeId: string,
  notes: readonly Note[],
): Promise<readonly Note[]> {
  const named = await store.inflightNode(notes.map(({ taskId }) => taskId))
  return notes.filter((_, index) => named[index] === nodeId)
}

async function withTries<T>(call: () => Promise<T>, log: Logger): Promise<T | undefined> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'store-unavailable') throw error
      log.warn({ err: error, tries }, 'in-flight notes not readable')
      if (tries >= STORE_TRIES) return undefined
      await new Promise((resolve) => setTimeout(resolve, STORE_RETRY_MS))
    }
  }
}
