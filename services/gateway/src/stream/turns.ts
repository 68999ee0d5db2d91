/**
 * Turns at a few shared places. The owner that was given fewest bytes lately is next, so an owner
 * with little to read never waits for an owner with much to read (L7).
 */
export interface Turns<Owner extends object> {
  /** Runs the work when it is the owner's turn. */
  run<T>(owner: Owner, work: () => Promise<T>): Promise<T>
  /** Counts bytes that the owner was given. */
  count(owner: Owner, bytes: number): void
}

/**
 * Given bytes count for half as much after this, milliseconds. An owner that waited for its turn for seconds
 * still counts as an owner with much to read, and an owner that was given much an hour ago does not.
 */
const HALF_LIFE_MS = 10_000

/**
 * The bytes that an owner was given, each weighted with two to the power of its time in half-lives, as a logarithm.
 * All sums lose weight alike, so their order needs no clock.
 */
interface Account {
  logBytes: number
}
interface Waiting {
  readonly account: Account
  readonly start: () => void
}

/** Creates turns at this many places. */
export function createTurns<Owner extends object>(
  places: number,
  monotonicMs: () => number,
): Turns<Owner> {
  const accounts = new WeakMap<Owner, Account>()
  const waiting: Waiting[] = []
  let taken = 0

  const accountOf = (owner: Owner): Account => {
    const account = accounts.get(owner) ?? { logBytes: -Infinity }
    accounts.set(owner, account)
    return account
  }

  const startNext = (): void => {
    if (taken >= places || waiting.length === 0) return
    let next = 0
    let least = Infinity
    for (let at = 0; at < waiting.length; at += 1) {
      const { logBytes } = waiting[at]!.account
      // Of equals the latest is next: when many come at once, those that wait keep no newcomer waiting.
      if (logBytes > least) continue
      next = at
      least = logBytes
    }
    const [chosen] = waiting.splice(next, 1)
    taken += 1
    chosen?.start()
  }

  return {
    async run(owner, work) {
      await new Promise<void>((start) => {
        waiting.push({ account: accountOf(owner), start })
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
      if (bytes <= 0) return
      const account = accountOf(owner)
      account.logBytes = logOfSum(account.logBytes, Math.log2(bytes) + monotonicMs() / HALF_LIFE_MS)
    },
  }
}

/** The logarithm of the sum of two numbers that are given as logarithms, all to the base of two. */
function logOfSum(a: number, b: number): number {
  const most = Math.max(a, b)
  return most + Math.log2(1 + 2 ** (Math.min(a, b) - most))
}
