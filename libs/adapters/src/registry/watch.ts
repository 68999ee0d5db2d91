import { NODES_MAX } from '@agentfleet/domain'
import type { Logger } from '@agentfleet/runtime'
import type { Listening } from '../bus/channels.ts'

/** One blocking query after the other, as the client of Consul does them. */
export interface Queries {
  on(event: 'change', listener: (answer: unknown) => void): unknown
  on(event: 'error', listener: (error: unknown) => void): unknown
  on(event: 'end', listener: () => void): unknown
  end(): void
}

/** A watch that has ended begins again after this, milliseconds. */
const AGAIN_AFTER_MS = 1_000
const OUTAGE = 'Consul does not answer; the process continues to use the last list of services'

/**
 * Follows a list in Consul until it is closed; `receive` gets the ids of the listed services.
 *
 * Invariants: an answer that is not a list of services changes nothing; after each error the watch begins again with
 * the present list, because a restarted Consul counts its changes from the beginning and would let a query for a later
 * change wait; a watch that ends by itself begins again, too, because the client of Consul stops for ever after some
 * answers; at most NODES_MAX services are named.
 */
export function followServices(
  begin: () => Queries,
  deps: { readonly receive: (ids: readonly string[]) => void; readonly log: Logger },
): Listening {
  const { receive, log } = deps
  let queries: Queries | undefined
  let closed = false
  let again: NodeJS.Timeout | undefined

  const start = (): void => {
    queries = begin()
    queries.on('change', (answer) => {
      const ids = idsIn(answer)
      if (ids !== undefined) return receive(ids)
      log.warn({}, 'Consul answered without a list of services; the process keeps the last list')
      // The client has noted this answer as read and would wait for the next change.
      queries?.end()
    })
    queries.on('error', (error) => {
      log.warn({ err: error }, OUTAGE)
      queries?.end()
    })
    queries.on('end', () => {
      if (!closed) again = setTimeout(start, AGAIN_AFTER_MS)
    })
  }
  start()
  return {
    close() {
      closed = true
      clearTimeout(again)
      queries?.end()
    },
  }
}

/** The ids in an answer of Consul; undefined if it is not a list of services. */
function idsIn(answer: unknown): readonly string[] | undefined {
  if (!Array.isArray(answer)) return undefined
  const ids = answer.slice(0, NODES_MAX).map((entry: unknown) => {
    const { Service: service } = (entry ?? {}) as { readonly Service?: { readonly ID?: unknown } }
    return service?.ID
  })
  return ids.every((id) => typeof id === 'string' && id !== '') ? (ids as string[]) : undefined
}
