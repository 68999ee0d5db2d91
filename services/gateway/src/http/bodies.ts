import { decideShare } from '@agentfleet/domain'
import type { FastifyRequest } from 'fastify'
import { networkOf } from './addresses.ts'
import { Refusal } from './problems.ts'

/**
 * The request bodies that are on their way. A client may send half a body and stop; the gateway keeps that half
 * until the request is too old.
 *
 * Invariants (L7): bodies on their way take at most UNDER_WAY_MAX_BYTES, and those of one address at most half of
 * what the other addresses leave free. A body counts with its announced size from its headers on.
 */
export interface Bodies {
  /** Counts the body of the request until it has arrived; throws a Refusal if there is no room for it. */
  check(request: FastifyRequest): void
}

/** A fifth of the memory that a gateway is given: a hundred of the largest bodies. */
const UNDER_WAY_MAX_BYTES = 128 * 1024 * 1024
/** Smaller bodies do not count: with one on each connection they take 80 MB. */
const COUNTED_FROM_BYTES = 8 * 1024

/** Counts nothing yet; `bodyMaxBytes` is the size of a body that announces none. */
export function createBodies(bodyMaxBytes: number): Bodies {
  const byAddress = new Map<string, number>()
  let used = 0

  const add = (address: string, bytes: number): void => {
    const own = (byAddress.get(address) ?? 0) + bytes
    used += bytes
    if (own === 0) byAddress.delete(address)
    else byAddress.set(address, own)
  }

  return {
    check(request) {
      const { headers } = request
      const announced = headers['content-length']
      if (announced === undefined && headers['transfer-encoding'] === undefined) return
      const bytes = announced === undefined ? bodyMaxBytes : Number(announced)
      // A larger body is refused before any of it is read.
      if (bytes < COUNTED_FROM_BYTES || bytes > bodyMaxBytes) return
      const address = networkOf(request.ip)
      const own = byAddress.get(address) ?? 0
      // Other callers can appear at any time, so an address is never alone.
      const share = { capacity: UNDER_WAY_MAX_BYTES, used, own, ask: bytes, tenants: 2 }
      const decision = decideShare(share)
      if (decision.kind === 'refuse') {
        throw new Refusal(
          'too-many-requests-open',
          `The address ${address} sends bodies of ${own} bytes now, and bodies of ${decision.allowed} bytes are allowed. Send fewer large requests at a time.`,
        )
      }
      add(address, bytes)
      request.raw.once('close', () => add(address, -bytes))
    },
  }
}
