/** The rules of other autoscalers, in the same world; constants are those of their sources. */
import type { FleetOptions, Scaler, Seen } from './world.ts'

/** Always as many nodes as the peak needs. */
export function staticPeak(nodes: number): Scaler {
  return { name: 'static peak', periodMs: 60_000, decide: () => nodes }
}

const SYNC_MS = 15_000
/** No change while the ratio is this near to one. */
const TOLERANCE = 0.1
const DOWN_WINDOW_MS = 300_000
/** Growth within one sync: this many nodes or this share of them. */
const UP_STEP_NODES = 4

/** The horizontal pod autoscaler's reaction to a ratio of metric to target. */
function horizontalPodAutoscaler(
  name: string,
  periodMs: number,
  ratioOf: (seen: Seen) => number,
): Scaler {
  let wishes: { readonly atMs: number; readonly nodes: number }[] = []
  return {
    name,
    periodMs,
    decide(seen) {
      const nodes = seen.ready + seen.starting
      const ratio = ratioOf(seen)
      const wanted = Math.abs(ratio - 1) <= TOLERANCE ? nodes : Math.ceil(nodes * ratio - 1e-9)
      wishes = wishes.filter(({ atMs }) => atMs > seen.nowMs - DOWN_WINDOW_MS)
      wishes.push({ atMs: seen.nowMs, nodes: wanted })
      if (wanted > nodes) return Math.min(wanted, nodes + Math.max(UP_STEP_NODES, nodes))
      return Math.min(nodes, Math.max(...wishes.map((wish) => wish.nodes)))
    },
  }
}

/**
 * Kubernetes' HPA at 70% CPU, with slots in use as CPU; nodes that are not ready count as unused for a
 * scale-up.
 */
export function cpuAutoscaler({ slots }: FleetOptions): Scaler {
  const target = 0.7
  return horizontalPodAutoscaler('HPA, 70% of slots', SYNC_MS, (seen) => {
    if (seen.ready === 0) return 1
    const ofReady = seen.runningOnReady / (seen.ready * slots) / target
    if (ofReady <= 1) return (ofReady * seen.ready) / (seen.ready + seen.starting)
    return Math.max(1, seen.runningOnReady / ((seen.ready + seen.starting) * slots) / target)
  })
}

/** KEDA's JetStream rule through an HPA: pending and unacknowledged messages, `lag` of them a node. */
export function jetStreamAutoscaler(lag: number): Scaler {
  const pollMs = 30_000
  return horizontalPodAutoscaler(`KEDA, lag ${lag}`, pollMs, (seen) => {
    return (seen.queued + seen.running) / (lag * (seen.ready + seen.starting))
  })
}

const STABLE_MS = 60_000
const PANIC_MS = 6_000
const TICK_MS = 2_000
/** Share of the slots that Knative aims at. */
const KNATIVE_TARGET = 0.7
const PANIC_RATIO = 2
/** At most halved, at most a thousandfold in one step. */
const DOWN_RATE = 2
const UP_RATE = 1_000

/** Knative's pod autoscaler: concurrency over a stable and a panic window. */
export function podAutoscaler({ slots }: FleetOptions): Scaler {
  const stable = meanOf(STABLE_MS / TICK_MS)
  const panic = meanOf(PANIC_MS / TICK_MS)
  let panickedAtMs = -Infinity
  let panicNodes = 0
  return {
    name: 'Knative KPA',
    periodMs: TICK_MS,
    decide(seen) {
      const ready = Math.max(1, seen.ready)
      const concurrency = seen.running + seen.queued
      const bounded = (mean: number): number => {
        const wanted = Math.ceil(mean / (slots * KNATIVE_TARGET))
        return Math.min(UP_RATE * ready, Math.max(Math.floor(ready / DOWN_RATE), wanted))
      }
      const wantedStable = bounded(stable(concurrency))
      const wantedPanic = bounded(panic(concurrency))
      if (wantedPanic / ready >= PANIC_RATIO) panickedAtMs = seen.nowMs
      if (seen.nowMs - panickedAtMs > STABLE_MS) {
        panicNodes = 0
        return wantedStable
      }
      panicNodes = Math.max(panicNodes, wantedStable, wantedPanic, seen.ready)
      return panicNodes
    },
  }
}

/** The mean of the last `size` values. */
function meanOf(size: number): (value: number) => number {
  const ring: number[] = []
  let [at, sum] = [0, 0]
  return (value) => {
    sum += value - (ring[at] ?? 0)
    ring[at] = value
    at = (at + 1) % size
    return sum / ring.length
  }
}
