import { ack, type Bus, type Store } from '@agentfleet/adapters'
import { planRecovery } from '@agentfleet/domain'
import { ServiceError } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { Fleet } from '../fleet.ts'

/**
 * Gives the pointers of a dead node back.
 *
 * Invariants: R1 a pointer is given back once: before a batch its notes are read again and only
 * those that still name the dead node count, after it exactly those notes are dropped; R2 whatever
 * goes wrong, the pointer's lease (`ack_wait`) hands it out again.
 */

/** How a redistribution ended. */
export interface Redistribution {
  /** `notes-unreadable`: nothing is known of the tasks, the leases run out by themselves. */
  readonly kind: 'given-back' | 'notes-unreadable'
  /** Tasks that were noted for the node, those suspected of killing it last. */
  readonly taskIds: readonly string[]
  /** How many of their pointers were given back. */
  readonly redistributed: number
  /** When the broker had the last of them, epoch milliseconds. */
  readonly atMs?: number
}

/** Nothing was noted, or nothing is to be given back. */
export const NOTHING_GIVEN_BACK: Redistribution = {
  kind: 'given-back',
  taskIds: [],
  redistributed: 0,
}
/** The notes could not be read. */
export const NOTES_UNREADABLE: Redistribution = {
  kind: 'notes-unreadable',
  taskIds: [],
  redistributed: 0,
}

/** What it takes. */
export interface RedistributeDeps {
  readonly bus: Bus
  readonly store: Store
  readonly fleet: Fleet
  readonly clock: Clock
  readonly log: Logger
}

type Note = { readonly taskId: string; readonly nodeId: string; readonly ackSubject: string }

/** Twice this between three batches leaves most of the failover budget of 300 ms to the work. */
const BATCH_PAUSE_MS = 40
/** Redis restarts within seconds; a fifth of the death's ack_wait is left to it. */
const STORE_TRIES = 5
const STORE_RETRY_MS = 400
const ROUND_TRIP_WITHIN_MS = 2_000

/**
 * Gives back all that is noted for a node, suspects last, and tells which tasks these are; throws
 * `bus-unavailable` when the bus is away.
 */
export async function redistribute(
  { bus, store, fleet, clock, log }: RedistributeDeps,
  nodeId: string,
  suspects: ReadonlySet<string>,
  onTasks: (taskIds: readonly string[]) => Promise<void>,
): Promise<Redistribution> {
  const notes = await withTries(() => store.inflightOf(nodeId), log)
  if (notes === undefined) return NOTES_UNREADABLE
  const taskIds = notes.map(({ taskId }) => taskId)
  // Beside the work, not before it: the record must not cost the tasks time.
  const told = onTasks(taskIds).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  const byTask = new Map<string, Note>(notes.map((note) => [note.taskId, note]))
  const { batches } = planRecovery(notes, fleet.credits(), suspects)
  const settled: Promise<number | undefined>[] = []
  let redistributed = 0
  for (const [index, batch] of batches.entries()) {
    let stranded: readonly Note[] = batch.flatMap(({ taskId }) => byTask.get(taskId) ?? [])
    if (index > 0) {
      await fleet.creditsWithin(BATCH_PAUSE_MS)
      const still = await withTries(() => stillNaming(store, nodeId, stranded), log)
      if (still === undefined) break
      stranded = still
    }
    for (const { ackSubject } of stranded) ack.giveBack(bus, ackSubject)
    redistributed += stranded.length
    settled.push(settle({ bus, store, clock, log }, stranded))
  }
  const atMs = await Promise.all(settled)
  if (atMs.includes(undefined)) {
    throw new ServiceError('bus-unavailable', 'unknown whether the pointers were given back')
  }
  const untold = await told
  if (untold !== undefined) throw untold.error
  const last = atMs.at(-1)
  return {
    kind: 'given-back',
    taskIds,
    redistributed,
    ...(last === undefined ? {} : { atMs: last }),
  }
}

/**
 * Sees that the broker has got a batch, then drops its notes (a note written anew stays, R1); says when
 * the broker had it.
 */
async function settle(
  { bus, store, clock, log }: Omit<RedistributeDeps, 'fleet'>,
  stranded: readonly Note[],
): Promise<number | undefined> {
  if (!(await bus.roundTrip(ROUND_TRIP_WITHIN_MS))) return undefined
  const atMs = clock.nowMs()
  await withTries(() => store.dropStranded(stranded), log)
  return atMs
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
