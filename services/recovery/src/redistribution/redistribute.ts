import { setTimeout as pause } from 'node:timers/promises'
import { ack, type InflightNote, type Store } from '@agentfleet/adapters'
import { given, planRecovery } from '@agentfleet/domain'
import { ServiceError, type Death } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { PartDeps } from '../deps.ts'

/**
 * Gives the pointers of a dead node back to the queue.
 *
 * Invariants: R1 a pointer is given back once: recovery reads the in-flight notes again before each
 * batch, uses only those that still name the dead node, and deletes exactly those afterwards. R2 if
 * anything fails, the pointer's lease (`ack_wait`) returns it to the queue. R3 after each wait recovery asks
 * whether the process has resumed: then its runs continue, and it keeps the pointers that it still has.
 */

/** The result of a redistribution. */
export interface Redistribution {
  /** `notes-unreadable`: the tasks are unknown, and the leases expire. */
  readonly kind: 'given-back' | 'notes-unreadable'
  /** The tasks that the notes name for the node; tasks suspected of killing it come last. */
  readonly taskIds: readonly string[]
  /** The number of pointers that were given back. */
  readonly redistributed: number
  /** When the broker received the last pointer, epoch milliseconds. */
  readonly atMs?: number
}

/** There were no notes, or nothing was to be given back. */
export const NOTHING_GIVEN_BACK: Redistribution = {
  kind: 'given-back',
  taskIds: [],
  redistributed: 0,
}
/** The notes could not be read. */
export const NOTES_UNREADABLE: Redistribution = { ...NOTHING_GIVEN_BACK, kind: 'notes-unreadable' }

type RedistributeDeps = Pick<PartDeps, 'bus' | 'store' | 'fleet' | 'clock' | 'log'>

/** Milliseconds. Two pauses between three batches leave most of the failover budget of 300 ms for the work. */
const BATCH_PAUSE_MS = 40
/** Redis restarts within seconds; the tries take a fifth of the death's ack_wait. */
const STORE_TRIES = 5
const STORE_RETRY_MS = 400
const ROUND_TRIP_WITHIN_MS = 2_000

/**
 * Gives back all tasks noted for a dead node, suspects last, and returns them; throws `bus-unavailable`
 * if the bus is disconnected.
 */
export async function redistribute(
  { bus, store, fleet, clock, log }: RedistributeDeps,
  death: Death,
  suspects: ReadonlySet<string>,
  onTasks: (taskIds: readonly string[]) => Promise<void>,
): Promise<Redistribution> {
  const { nodeId } = death
  // A node that resumed asks the coordinator which runs it still owns.
  const resumed = (): boolean => fleet.successor(death) === 'resumed'
  if (resumed()) return NOTHING_GIVEN_BACK
  const notes = await withTries(() => store.inflightOf(nodeId), log)
  // Redis may have been frozen for longer than the node.
  if (resumed()) return NOTHING_GIVEN_BACK
  if (notes === undefined) return NOTES_UNREADABLE
  const taskIds = notes.map(({ taskId }) => taskId)
  // The record is written in parallel, so that it delays no task.
  const told = onTasks(taskIds).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  const batches = planRecovery(notes, fleet.credits(), suspects)
  const settled: Promise<number | undefined>[] = []
  let redistributed = 0
  for (const [index, batch] of batches.entries()) {
    let stranded = batch
    if (index > 0) {
      await fleet.creditsWithin(BATCH_PAUSE_MS)
      const still = await withTries(() => stillNaming(store, nodeId, stranded), log)
      if (still === undefined || resumed()) break
      stranded = still
    }
    for (const { ackSubject } of stranded) ack.giveBack(bus, ackSubject)
    redistributed += stranded.length
    settled.push(settle({ bus, store, clock, log }, stranded))
  }
  const atMs = await Promise.all(settled)
  if (atMs.includes(undefined)) {
    throw new ServiceError(
      'bus-unavailable',
      'it is unknown whether the pointers returned to their queues',
    )
  }
  const untold = await told
  if (untold !== undefined) throw untold.error
  return { kind: 'given-back', taskIds, redistributed, ...given({ atMs: atMs.at(-1) }) }
}

/**
 * Waits until the broker has received a batch, then deletes the notes of its tasks, but no newer note (R1);
 * returns the time.
 */
async function settle(
  { bus, store, clock, log }: Omit<RedistributeDeps, 'fleet'>,
  stranded: readonly InflightNote[],
): Promise<number | undefined> {
  if (!(await bus.roundTrip(ROUND_TRIP_WITHIN_MS))) return undefined
  const atMs = clock.nowMs()
  await withTries(() => store.dropStranded(stranded), log)
  return atMs
}

async function stillNaming(
  store: Store,
  nodeId: string,
  notes: readonly InflightNote[],
): Promise<readonly InflightNote[]> {
  const named = await store.inflightNode(notes.map(({ taskId }) => taskId))
  return notes.filter((_, index) => named[index] === nodeId)
}

async function withTries<T>(call: () => Promise<T>, log: Logger): Promise<T | undefined> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'store-unavailable') throw error
      log.warn(
        { err: error, tries },
        'Recovery could not read in Redis which tasks ran on the dead node; it tries again',
      )
      if (tries >= STORE_TRIES) return undefined
      await pause(STORE_RETRY_MS)
    }
  }
}
