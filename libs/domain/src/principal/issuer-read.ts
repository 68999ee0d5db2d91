/**
 * When a gateway reads the keys of a token issuer.
 *
 * Invariants: key ids that the issuer does not publish make the gateway ask at most once in an interval (L7); an
 * issuer that does not answer does not end the keys that the gateway has read.
 */

/** What a gateway knows of the issuer; times are of a clock that never steps. */
export interface IssuerState {
  /** When the keys were read; undefined: never. */
  readonly readAtMs: number | undefined
  /** When the issuer was last asked; undefined: never. */
  readonly askedAtMs: number | undefined
  /** Whether the latest question failed. */
  readonly failed: boolean
}

/** What to do for a token: use the keys (and read them meanwhile), read first, or refuse for now. */
interface IssuerDecision {
  readonly kind: 'use' | 'use-and-read' | 'read' | 'unavailable'
  readonly reason: 'fresh' | 'old' | 'unknown-key' | 'no-keys' | 'asked-lately'
}

/** A withdrawn key ends after this time, if the issuer answers. */
const FRESH_MS = 600_000
/** Longer than an outage of an issuer usually takes. After a longer time the issuer may have withdrawn the keys. */
const KEPT_MS = 24 * 3_600_000
/** Milliseconds between two reads while the gateway holds keys. */
const ASK_INTERVAL_MS = 10_000
/** Milliseconds between two reads while the gateway holds no keys: every token then waits for the next read. */
const FIRST_ASK_INTERVAL_MS = 1_000

/** Decides for a token; `known`: the keys that were read contain its key. */
export function decideIssuerRead(
  { readAtMs, askedAtMs, failed }: IssuerState,
  known: boolean,
  nowMs: number,
): IssuerDecision {
  const ageMs = readAtMs === undefined ? Infinity : nowMs - readAtMs
  const held = ageMs < KEPT_MS
  const sinceMs = askedAtMs === undefined ? Infinity : nowMs - askedAtMs
  const mayAsk = sinceMs >= (held ? ASK_INTERVAL_MS : FIRST_ASK_INTERVAL_MS)
  if (!held) {
    return mayAsk
      ? { kind: 'read', reason: 'no-keys' }
      : { kind: 'unavailable', reason: 'asked-lately' }
  }
  if (known) {
    if (ageMs < FRESH_MS) return { kind: 'use', reason: 'fresh' }
    return { kind: mayAsk ? 'use-and-read' : 'use', reason: 'old' }
  }
  if (mayAsk) return { kind: 'read', reason: 'unknown-key' }
  return failed
    ? { kind: 'unavailable', reason: 'asked-lately' }
    : { kind: 'use', reason: 'unknown-key' }
}
