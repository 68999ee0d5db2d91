import { createTurnQueue, decideShare } from '@agentfleet/domain'
import type { CheckJob, CheckOutcome } from './compiled-schema.ts'

/** A check that waits for a thread. */
export interface Waiting {
  readonly job: Pick<CheckJob, 'schema' | 'answer'>
  /** Names the schema. */
  readonly digest: string
  settle(checked: Settled): void
}

/** How a check ended; `busy`: it did not run. */
export type Settled = CheckOutcome | { readonly kind: 'busy'; readonly problem: string }

/** Checks that may wait for a thread, and the characters of their schemas and answers; one tenant gets half. */
const WAITING_MAX = 2_000
const WAITING_MAX_CHARS = 64 * 1024 * 1024

/** The checks that wait for a thread. */
export type CheckQueue = ReturnType<typeof createCheckQueue>

/** Creates an empty queue, in which tenants take turns. */
export function createCheckQueue() {
  const waiting = createTurnQueue<Waiting>()
  /** The characters of the waiting checks, by tenant. */
  const chars = new Map<string, number>()

  /** Whether the tenant leaves room for the checks of other tenants. */
  const hasRoom = (tenant: string, ask: number): boolean => {
    const usedChars = [...chars.values()].reduce((sum, each) => sum + each, 0)
    const asks = [
      { capacity: WAITING_MAX, used: waiting.size(), own: waiting.sizeOf(tenant), ask: 1 },
      { capacity: WAITING_MAX_CHARS, used: usedChars, own: chars.get(tenant) ?? 0, ask },
    ]
    return asks.every((each) => decideShare({ ...each, tenants: 2 }).kind === 'take')
  }

  return {
    size: () => waiting.size(),
    sizeOf: (tenant: string) => waiting.sizeOf(tenant),
    /** Adds a check; returns false if too many wait. */
    add(tenant: string, entry: Waiting): boolean {
      const ask = charsOf(entry.job)
      if (!hasRoom(tenant, ask)) return false
      waiting.add(tenant, entry)
      chars.set(tenant, (chars.get(tenant) ?? 0) + ask)
      return true
    },
    /** Takes the next check of a tenant that has none at work. */
    take(isServed: (tenant: string) => boolean) {
      const taken = waiting.take((tenant) => !isServed(tenant))
      if (taken === undefined) return undefined
      const { owner, entry } = taken
      const left = (chars.get(owner) ?? 0) - charsOf(entry.job)
      if (left > 0) chars.set(owner, left)
      else chars.delete(owner)
      return taken
    },
  }
}

function charsOf({ schema, answer = '' }: Waiting['job']): number {
  return schema.length + answer.length
}
