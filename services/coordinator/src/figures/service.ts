import { oldestPointerAtMs, openPointerConsumers } from '@agentfleet/adapters'
import { given, quantilesOf, usdOfNano, type SeriesPoint as Counted } from '@agentfleet/domain'
import { CHANNELS, QUEUES_MAX, type QueueFigures, type SeriesPoint } from '@agentfleet/protocol'
import type { Service } from '@agentfleet/runtime'
import type { PartDeps } from '../deps.ts'

/**
 * Answers gateways and load balancers what the follower has counted: tasks over time, and the queues of the tenants.
 *
 * Invariants (L7): the queues are looked at once in QUEUES_EVERY_MS at most, however many ask; only a load balancer,
 * which asks every few seconds, may ask for a look that begins after its question.
 */
type FiguresDeps = Pick<PartDeps, 'bus' | 'tasks' | 'series' | 'clock' | 'nowMs' | 'followed'>

/** Milliseconds; a page asks once a second. */
const QUEUES_EVERY_MS = 500
/** Queues whose first pointer is looked up; each look-up is one request to NATS. */
const OLDEST_MAX = 50

const UNAVAILABLE = { kind: 'unavailable' } as const

/** Creates the part; it receives nothing before `start`. */
export function createFigures(deps: FiguresDeps): Service {
  const { bus, series, clock } = deps
  const subscriptions: { close(): void }[] = []
  let seen: { readonly atMs: number; readonly queues: Promise<QueueFigures[]> } | undefined

  const queues = (fresh: boolean): Promise<QueueFigures[]> => {
    const atMs = clock.monotonicMs()
    if (!fresh && seen !== undefined && atMs - seen.atMs < QUEUES_EVERY_MS) return seen.queues
    seen = { atMs, queues: queuesOf(deps) }
    return seen.queues
  }

  return {
    async start() {
      if (subscriptions.length > 0) return
      subscriptions.push(
        bus.on(CHANNELS.series, async ({ tenant, groupBy, ...range }) => {
          if (!deps.followed()) return UNAVAILABLE
          const { knownFromMs, series: found } = series.read({ tenant, groupBy, ...range })
          const shown = found.map(({ key, points }) => ({
            ...given({ key }),
            points: points.map(pointOf),
          }))
          return { kind: 'series', knownFromMs, series: shown }
        }),
        bus.on(CHANNELS.queues, async ({ tenant, fresh = false }) => {
          if (!deps.followed()) return UNAVAILABLE
          const all = await queues(fresh).catch(() => undefined)
          if (all === undefined) return UNAVAILABLE
          const own = tenant === undefined ? all : all.filter((each) => each.tenant === tenant)
          return { kind: 'queues', atMs: deps.nowMs(), queues: own.slice(0, QUEUES_MAX) }
        }),
      )
    },
    async drain() {
      for (const subscription of subscriptions.splice(0)) subscription.close()
    },
  }
}

function pointOf({ atMs, measures }: Counted): SeriesPoint {
  const { nanoUsd, ...counts } = measures.counts
  return {
    atMs,
    ...counts,
    costUsd: usdOfNano(nanoUsd),
    ...given({
      waitMs: quantilesOf(measures.wait),
      firstTokenMs: quantilesOf(measures.firstToken),
    }),
  }
}

/** The log says how many tasks are under way, the pointers say how many of them wait for a node. */
async function queuesOf({ bus, tasks }: FiguresDeps): Promise<QueueFigures[]> {
  const depths = await openPointerConsumers(bus).list()
  const pointers = new Map(depths.map((depth) => [`${depth.priority} ${depth.tenant}`, depth]))
  const retrying = new Map<string, number>()
  for (const taskId of tasks.retrying()) {
    const record = tasks.get(taskId)
    if (record === undefined) continue
    const key = `${record.spec.priority} ${record.tenant}`
    retrying.set(key, (retrying.get(key) ?? 0) + 1)
  }
  const figures = tasks.queueCounts().map(({ queue, count }) => {
    const key = `${queue.priority} ${queue.tenant}`
    const later = Math.min(count, retrying.get(key) ?? 0)
    const waiting = Math.min(count - later, pointers.get(key)?.waiting ?? 0)
    return { ...queue, waiting, inFlight: count - later - waiting, retrying: later }
  })
  const sorted = figures.toSorted((a, b) => b.waiting - a.waiting)
  return Promise.all(
    sorted.map(async (queue, index) => {
      const depth = pointers.get(`${queue.priority} ${queue.tenant}`)
      if (depth === undefined || queue.waiting === 0 || index >= OLDEST_MAX) return queue
      const oldestAtMs = await oldestPointerAtMs(bus, queue, depth.deliveredSeq)
      return oldestAtMs === undefined ? queue : { ...queue, oldestAtMs }
    }),
  )
}
