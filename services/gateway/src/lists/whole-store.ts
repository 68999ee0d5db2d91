import type { Store } from '@agentfleet/adapters'
import { ServiceError } from '@agentfleet/protocol'

/**
 * The store as lists and counts may use it: an answer counts only if Redis has all records. After Redis was
 * emptied, a coordinator writes them again from the log; until it has finished, a list would leave out tasks
 * without saying so (L8). Invariant: the mark of the projection is read after the answer, so an answer that began
 * before Redis was emptied does not count either.
 */
export function wholeStore(store: Store): Store {
  const whole = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer
    if ((await store.builtSeq()) !== undefined) return value
    throw new ServiceError('store-unavailable', 'Redis does not have all records yet', {
      retryable: true,
    })
  }
  return {
    ...store,
    search: (query) => whole(store.search(query)),
    count: (query) => whole(store.count(query)),
    oldestQueued: (tenant) => whole(store.oldestQueued(tenant)),
  }
}
