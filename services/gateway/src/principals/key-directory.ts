import type { Keys, StoredKey } from '@agentfleet/adapters'
import { endOf, isOver, principalNow, type Principal } from '@agentfleet/domain'
import type { Logger } from '@agentfleet/runtime'
import { readTail } from '../stream/read-tail.ts'
import { holdersOf, holderWith, type Holders, type KeyToken } from './tokens.ts'

/**
 * All keys of the stream KEYS, in memory, so that finding a caller reads nothing.
 *
 * States: reading (keys stored before the start are still missing) → current. Invariants: for each key the
 * directory holds the newest version that it has received; it forgets none while the bus is away, and all of them when
 * another stream has the place of the one that it has read.
 */
export type KeyDirectory = ReturnType<typeof followKeys>

/** Follows KEYS from its first message on. */
export function followKeys(keys: Pick<Keys, 'follow'>, log: Logger) {
  const known = new Map<string, StoredKey>()
  const holders = new Map<string, Holders>()

  const take = (stored: StoredKey): void => {
    const { key, seq } = stored
    const before = known.get(key.id)
    if (before !== undefined && before.seq >= seq) return
    known.set(key.id, stored)
    holders.set(key.id, holdersOf(key))
  }
  const followed = keys.follow(take, log, () => {
    // A key that is stored no longer could not be revoked.
    known.clear()
    holders.clear()
    tail.again()
  })
  const tail = readTail(followed, 'API keys', log)

  return {
    /** Resolves when the directory has every key that was stored at the time of the call. */
    upToDate: () => followed.caughtUp(),
    /** Adds a version that this gateway has just stored. */
    take,
    find: (id: string) => known.get(id),
    /** The caller with this key; undefined for an unknown id or a wrong secret. */
    holder({ id, secret }: KeyToken): Principal | undefined {
      const found = holders.get(id)
      return found === undefined ? undefined : holderWith(found, secret)
    },
    /** The keys of a tenant, or of all, by their ids. */
    list: (tenant: string | undefined): readonly StoredKey[] =>
      [...known.values()]
        .filter(({ key }) => tenant === undefined || key.tenant === tenant)
        .sort((a, b) => (a.key.id < b.key.id ? -1 : 1)),
    count: () => known.size,
    /** The tenants of the keys that can be used now. */
    tenants(nowMs: number): ReadonlySet<string> {
      const usable = [...known.values()].filter(({ key }) => endOf(key) > nowMs)
      return new Set(usable.map(({ key }) => key.tenant))
    },
    /** The revoked and expired keys that are no longer kept. */
    over: (nowMs: number): readonly StoredKey[] =>
      [...known.values()].filter(({ key }) => isOver(key, nowMs)),
    /** Forgets a key that is stored no longer. */
    forget(id: string): void {
      known.delete(id)
      holders.delete(id)
    },
    /** The principal as its key describes it now; other credentials do not change. */
    refreshed(principal: Principal): Principal {
      const stored = known.get(principal.keyId)
      return stored === undefined ? principal : principalNow(principal, stored.key)
    },
    ...tail,
  }
}
