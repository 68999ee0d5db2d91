/**
 * Turns at a few shared places. The owner that was given fewest bytes lately is next, so an owner
 * with little to read never waits for one with much (L7).
 */
export interface Turns<Owner extends object> {
  /** Runs the work when it is the owner's turn. */
  run<T>(owner: Owner, work: () => Promise<T>): Promise<T>
  /** Counts bytes that the owner was given. */
  count(owner: Owner, bytes: number): void
}

/** Bytes count for this long; then an owner starts afresh, milliseconds. */
const COUNTED_FOR_MS = 10_000

interface Account {
  bytes: number
  sinceMs: number
}
interface Waiting<Owner> {
  readonly owner: Owner
  readonly start: () => void
}

/** Creates turns at this many places. */
export function createTurns<Owner extends object>(
  places: number,
  monotonicMs: () => number,
): Turns<Owner> {
  const accounts = new WeakMap<Owner, Account>()
  const waiting: Waiting<Owner>[] = []
  let taken = 0

  const bytesOf = (owner: Owner, nowMs: number): number => {
    const account = accounts.get(owner)
    return account === undefined || nowMs - account.sinceMs > COUNTED_FOR_MS ? 0 : account.bytes
  }

  const startNext = (): void => {
    if (taken >= places || waiting.length === 0) return
    const nowMs = monotonicMs()
    let next = 0
    let least = Infinity
    for (const [at, { owner }] of waiting.entries()) {
      const bytes = bytesOf(owner, nowMs)
      // Of equals the latest is next: when many come at once, those that wait keep no newcomer waiting.
      if (bytes > least) continue
      next = at
      least = bytes
    }
    const [chosen] = waiting.splice(next, 1)
    taken += 1
    chosen?.start()
  }

  return {
    async run(owner, work) {
      await new Promise<void>((start) => {
        waiting.push({ owner, start })
        startNext()
      })
      try {
        return await work()
      } finally {
        taken -= 1
        startNext()
      }
    },
    count(owner, bytes) {
      const nowMs = monotonicMs()
      const before = bytesOf(owner, nowMs)
      const sinceMs = before === 0 ? nowMs : (accounts.get(owner)?.sinceMs ?? nowMs)
      accounts.set(owner, { bytes: before + bytes, sinceMs })
    },
  }
}
