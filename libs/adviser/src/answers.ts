/**
 * Answers by the state they were given for.
 *
 * Invariants: an answer is found only until it expires, counted from when it was given, however often it is
 * used; at most `ANSWERS_MAX` are kept, and the oldest is dropped first.
 */

/** An answer from the model: checked by its schema, not yet clamped. */
export interface KeptAnswer {
  readonly answer: unknown
  readonly raw: string
  readonly expiresAtMs: number
}

/** More than the calls of an hour in any sensible budget; 1 MB with the longest answers. */
const ANSWERS_MAX = 256

/** Creates an empty store of answers. */
export function createAnswers(monotonicMs: () => number) {
  const kept = new Map<string, KeptAnswer>()
  return {
    /** The answer for a state, if it holds for this much longer. */
    find(stateHash: string, forMs: number): KeptAnswer | undefined {
      const found = kept.get(stateHash)
      if (found === undefined) return undefined
      const leftMs = found.expiresAtMs - monotonicMs()
      if (leftMs <= 0) kept.delete(stateHash)
      return leftMs > forMs ? found : undefined
    },
    keep(stateHash: string, answer: KeptAnswer): void {
      kept.delete(stateHash)
      kept.set(stateHash, answer)
      const [oldest] = kept.keys()
      if (kept.size > ANSWERS_MAX && oldest !== undefined) kept.delete(oldest)
    },
  }
}
