/**
 * Turns at a few shared places. Next is the tenant that got fewest bytes lately, and of its owners the one that got
 * fewest. So an owner with little to read never waits for an owner with much to read, and a tenant gets no more turns
 * by having more owners (L7).
 */
export type Turns<Owner extends Reading> = ReturnType<typeof createTurns<Owner>>

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
  readonly tenant: Account
  readonly account: Account
  readonly start: () => void
}

/** Bytes that each turn counts in addition: a read that finds nothing costs a round trip to the log, too. */
const TURN_BYTES = 1_000
/** Accounts of tenants that are kept; when there are more, those that weigh nothing any more are dropped. */
const TENANTS_KEPT = 1_000

/** What reads for a tenant. */
interface Reading {
  readonly tenant: string
}

/** Creates turns at this many places. */
export function createTurns<Owner extends Reading>(places: number, monotonicMs: () => number) {
  const accounts = new WeakMap<Owner, Account>()
  const tenants = new Map<string, Account>()
  const waiting: Waiting[] = []
  let taken = 0

  const tenantOf = ({ tenant }: Owner): Account => {
    const known = tenants.get(tenant)
    if (known !== undefined) return known
    if (tenants.size >= TENANTS_KEPT) {
      const nothing = monotonicMs() / HALF_LIFE_MS
      for (const [name, { logBytes }] of tenants) if (logBytes < nothing) tenants.delete(name)
    }
    const account = { logBytes: -Infinity }
    tenants.set(tenant, account)
    return account
  }

  const accountOf = (owner: Owner): Account => {
    const account = accounts.get(owner) ?? { logBytes: -Infinity }
    accounts.set(owner, account)
    return account
  }

  /** Counts bytes that the owner was given, at least one. */
  const count = (owner: Owner, bytes: number): void => {
    const logBytes = Math.log2(bytes) + monotonicMs() / HALF_LIFE_MS
    for (const account of [tenantOf(owner), accountOf(owner)])
      account.logBytes = logOfSum(account.logBytes, logBytes)
  }

  const startNext = (): void => {
    if (taken >= places || waiting.length === 0) return
    let next = 0
    for (let at = 1; at < waiting.length; at += 1) {
      const [one, best] = [waiting[at]!, waiting[next]!]
      // Of equals the latest is next: when many come at once, those that wait keep no newcomer waiting.
      if (isBefore(one, best) || !isBefore(best, one)) next = at
    }
    const [chosen] = waiting.splice(next, 1)
    taken += 1
    chosen?.start()
  }

  return {
    /** Runs the work when it is the owner's turn. */
    async run<T>(owner: Owner, work: () => Promise<T>): Promise<T> {
      await new Promise<void>((start) => {
        waiting.push({ tenant: tenantOf(owner), account: accountOf(owner), start })
        startNext()
      })
      count(owner, TURN_BYTES)
      try {
        return await work()
      } finally {
        taken -= 1
        startNext()
      }
    },
    count,
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  if (a.tenant !== b.tenant) return a.tenant.logBytes < b.tenant.logBytes
  return a.account.logBytes < b.account.logBytes
}

/** The logarithm of the sum of two numbers that are given as logarithms, all to the base of two. */
function logOfSum(a: number, b: number): number {
  const most = Math.max(a, b)
  return most + Math.log2(1 + 2 ** (Math.min(a, b) - most))
}
