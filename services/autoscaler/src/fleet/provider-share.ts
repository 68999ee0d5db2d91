import type { Snapshot } from '@agentfleet/protocol'

/** Milliseconds; equals the stable window of demand. */
const WINDOW_MS = 60_000
/** Fewer calls say nothing about a rate. */
const CALLS_MIN = 20

interface Mark {
  readonly startedAtMs: number
  readonly calls: number
  readonly throttled: number
}

/**
 * The share of LLM calls that the provider refuses for their rate; at first there are no samples. Nodes count since
 * their start; this sums the increases within a window.
 *
 * Invariants: the first heartbeat of a process only sets its baseline; there is at most one sample
 * for each snapshot, and samples older than the window are dropped.
 */
export function createProviderShare() {
  let marks = new Map<string, Mark>()
  let samples: { atMs: number; calls: number; throttled: number }[] = []
  let seenAtMs = -Infinity
  const sum = (name: 'calls' | 'throttled'): number =>
    samples.reduce((total, sample) => total + sample[name], 0)

  return {
    observe(snapshot: Snapshot | undefined, nowMs: number): void {
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
    /** Returns the number of calls that ended within the window. */
    calls: () => sum('calls'),
    /** Returns the share of calls answered with 429; 0 while there are too few calls. */
    throttledShare(): number {
      const calls = sum('calls')
      return calls < CALLS_MIN ? 0 : sum('throttled') / calls
    },
  }
}
