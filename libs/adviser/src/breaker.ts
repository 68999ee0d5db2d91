/**
 * Keeps an adviser from asking a provider that does not answer well.
 *
 *   closed --failures in a row--> open --openMs--> probing --good--> closed
 *                                  ^                  |
 *                                  +------ bad -------+
 *
 * Invariants: in `open` nobody passes; in `probing` exactly one; calls that passed before it opened
 * change nothing when they end; whoever passed says how it ended, so a probe is never lost.
 */

/** How a call ended: `unknown` when it was cancelled and says nothing of the provider. */
export type CallEnding = 'good' | 'bad' | 'unknown'

/** Leave to make one call. */
export interface Passage {
  end(ending: CallEnding): void
}

/** A circuit breaker. */
export interface Breaker {
  /** Leave for a call, or undefined while it is open. */
  pass(): Passage | undefined
  state(): 'closed' | 'open' | 'probing'
}

/** How the breaker is set, and whom it tells. */
export interface BreakerOptions {
  readonly failures: number
  readonly openMs: number
  readonly monotonicMs: () => number
  readonly onChange: (state: 'closed' | 'open') => void
}

/** A closed breaker. */
export function createBreaker(options: BreakerOptions): Breaker {
  const { failures, openMs, monotonicMs, onChange } = options
  let state: 'closed' | 'open' | 'probing' = 'closed'
  let failed = 0
  let openUntilMs = 0

  function open(): void {
    state = 'open'
    openUntilMs = monotonicMs() + openMs
    onChange('open')
  }

  function close(): void {
    state = 'closed'
    failed = 0
    onChange('closed')
  }

  function endCall(ending: CallEnding): void {
    if (state !== 'closed' || ending === 'unknown') return
    failed = ending === 'good' ? 0 : failed + 1
    if (failed >= failures) open()
  }

  function endProbe(ending: CallEnding): void {
    if (ending === 'good') close()
    else if (ending === 'bad') open()
    // The next one may probe at once: nothing was learnt.
    else state = 'open'
  }

  return {
    state: () => state,
    pass() {
      if (state === 'closed') return once(endCall)
      if (state === 'probing' || monotonicMs() < openUntilMs) return undefined
      state = 'probing'
      return once(endProbe)
    },
  }
}

function once(end: (ending: CallEnding) => void): Passage {
  let ended = false
  return {
    end(ending) {
      if (ended) return
      ended = true
      end(ending)
    },
  }
}
