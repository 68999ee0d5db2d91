import type { Snapshot } from '@agentfleet/protocol'

/**
 * How much of its calls the LLM provider turns away for their rate: nodes count since their start, this
 * adds up what was new within a window.
 *
 * Invariants: a node heard for the first time, or started anew under its name, only sets its mark; at
 * most one sample per snapshot and a window of samples are kept.
 */
export interface ProviderShare {
  observe(snapshot: Snapshot | undefined, nowMs: number): void
  /** Calls that ended within the window. */
  calls(): number
  /** Share of them answered with 429; 0 while there are too few to tell. */
  throttledShare(): number
}

/** As long as the stable window of demand, milliseconds. */
const WINDOW_MS = 60_000
/** Fewer calls say nothing about a rate. */
const CALLS_MIN = 20

interface Mark {
  readonly startedAtMs: number
  readonly calls: number
  readonly throttled: number
}

/** A share of nothing so far. */
export function createProviderShare(): ProviderShare {
  let marks = new Map<string, Mark>()
  let samples: { atMs: number; calls: number; throttled: number }[] = []
  let seenAtMs = -Infinity
  const sum = (name: 'calls' | 'throttled'): number =>
    samples.reduce((total, sample) => total + sample[name], 0)

  return {
    observe(snapshot, nowMs) {
      samples = samples.filter(({ atMs }) => atMs > nowMs - WINDOW_MS)
      if (snapshot === undefined || snapshot.atMs <= seenAtMs) return
      seenAtMs = snapshot.atMs
      const next = new Map<string, Mark>()
      const sample = { atMs: nowMs, calls: 0, throttled: 0 }
      for (const { nodeId, startedAtMs, llmCalls: calls = 0, throttled = 0 } of snapshot.nodes) {
        next.set(nodeId, { startedAtMs, calls, throttled })
        const before = marks.get(nodeId)
        if (before?.startedAtMs !== startedAtMs) continue
        sample.calls += Math.max(0, calls - before.calls)
        sample.throttled += Math.max(0, throttled - before.throttled)
      }
      marks = next
      if (sample.calls > 0) samples.push(sample)
    },
    calls: () => sum('calls'),
    throttledShare() {
      const calls = sum('calls')
      return calls < CALLS_MIN ? 0 : sum('throttled') / calls
    },
  }
}
