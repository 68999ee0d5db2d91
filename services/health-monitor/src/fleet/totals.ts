import { lowerMedian } from '@agentfleet/domain'
import type { Heartbeat, Snapshot, Totals } from '@agentfleet/protocol'

/** Counts the attempts that ended on all nodes, including lost attempts. */
export interface Tally {
  /** Adds the difference between a heartbeat and the previous heartbeat of the same process. */
  count(before: Heartbeat | undefined, heartbeat: Heartbeat): void
  /** Raises the counts to those of a monitor that has watched for longer. */
  atLeast(completed: number, failed: number): void
  completed(): number
  failed(): number
}

/** Creates a tally of zero. */
export function createTally(): Tally {
  let completed = 0
  let failed = 0
  return {
    count(before, heartbeat) {
      const same = before !== undefined && before.startedAtMs === heartbeat.startedAtMs
      completed = grown(completed, heartbeat.completed - (same ? before.completed : 0))
      failed = grown(failed, heartbeat.failed - (same ? before.failed : 0))
    },
    atLeast(others, othersFailed) {
      completed = Math.max(completed, others)
      failed = Math.max(failed, othersFailed)
    },
    completed: () => completed,
    failed: () => failed,
  }
}

/** A count never falls, and stays exact. */
function grown(count: number, by: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, count + Math.max(0, by))
}

/** A node may have this many times the slots of a usual node; further slots do not count in sums. */
const SLOTS_FACTOR_MAX = 4

/**
 * Returns the number of tasks that the nodes have taken; those of a dead node wait again. A node has no more tasks
 * than slots, and its slots count in proportion to those of the others: otherwise one false figure could hide the
 * backlog of the whole fleet, or make the fleet grow without need (L9).
 */
export function runningOn(
  nodes: readonly Pick<Snapshot['nodes'][number], 'state' | 'active' | 'slots'>[],
): number {
  const living = nodes.filter(({ state }) => state !== 'dead')
  const most = slotsMax(living)
  return sum(living, ({ active, slots }) => Math.min(active, slots, most))
}

function slotsMax(nodes: readonly Pick<Snapshot['nodes'][number], 'slots'>[]): number {
  return SLOTS_FACTOR_MAX * lowerMedian(nodes.map(({ slots }) => slots))
}

/**
 * Returns the number of tasks that wait for a node: the pointers of all tasks, less those that nodes have
 * taken. The server's count of delivered pointers is of no use here, because a pointer that a load balancer
 * has fetched and still holds, or has given back, stays delivered. The monitor counts pointers once a second and
 * subtracts the tasks that nodes have taken since then.
 */
export function waitingOf(
  counted: { readonly pointers: number; readonly running: number },
  runningNow: number,
): number {
  return Math.max(0, counted.pointers - Math.max(counted.running, runningNow))
}

/** Returns the totals of the cluster at one moment. */
export function totalsOf(
  nodes: Snapshot['nodes'],
  { queued, running }: { readonly queued: number; readonly running: number },
  tally: Pick<Tally, 'completed' | 'failed'>,
  atMs: number,
): Totals {
  const living = nodes.filter(({ state }) => state !== 'dead')
  const working = living.filter(({ state, draining }) => state === 'alive' && !draining)
  const most = slotsMax(working)
  const answering = living.filter(({ responseMs }) => responseMs > 0)
  return {
    atMs,
    activeNodes: working.length,
    slots: sum(working, ({ slots }) => Math.min(slots, most)),
    running,
    queued,
    cpu: mean(living, ({ cpu }) => cpu),
    memory: mean(living, ({ memory }) => memory),
    responseMs: mean(answering, ({ responseMs }) => responseMs),
    completed: tally.completed(),
    failed: tally.failed(),
  }
}

function sum<T>(of: readonly T[], figure: (one: T) => number): number {
  return of.reduce((total, one) => total + figure(one), 0)
}

function mean<T>(of: readonly T[], figure: (one: T) => number): number {
  return sum(of, figure) / Math.max(1, of.length)
}
