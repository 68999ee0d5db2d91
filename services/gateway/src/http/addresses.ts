import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { createTally, type Tally, decideShare } from '@agentfleet/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from './problems.ts'
import { networkOf, type IsProxy } from './proxies.ts'
import { endAfter } from './slow-readers.ts'

/** About 20 kB each. */
const CONNECTIONS_MAX = 10_000
/** Connections that wait for the answer that they are too many; further ones end without an answer. */
const REFUSED_MAX = 500
/** Time for one request, milliseconds. */
const REFUSED_WITHIN_MS = 5_000

/**
 * Counts the connections of this server by the address of the caller, streams included. A connection of a trusted
 * proxy carries requests of many callers, so there the open requests of each caller are counted instead.
 *
 * States of a connection: counted, or over the limit; the first request of the latter is refused, and then it
 * ends. Invariants (L7): an address holds at most half of what the other addresses leave free, and at most its
 * limit; a connection over the limit ends within REFUSED_WITHIN_MS; the gateway has at most CONNECTIONS_MAX
 * connections and REFUSED_MAX over the limit, and each address its share of both.
 */
export function watchAddresses(
  server: Pick<Server, 'on'>,
  deps: {
    readonly isProxy: IsProxy | undefined
    /** Set by the operator. */
    readonly perAddress: number | undefined
    /** Called for a connection that ends without an answer. */
    readonly dropped: (address: string) => void
  },
) {
  const connections = createTally()
  const requests = createTally()
  const proxies = new WeakSet<Socket>()
  const refused = new Map<Socket, Refusal>()
  const overLimit = createTally()

  function mostOf(counts: Tally, address: string): number | undefined {
    return decideMost(counts, address, CONNECTIONS_MAX, 1, deps.perAddress)
  }

  function refuse(socket: Socket, address: string, most: number) {
    if (decideMost(overLimit, address, REFUSED_MAX) !== undefined) {
      deps.dropped(address)
      socket.destroy()
      return
    }
    refused.set(socket, tooMany(address, most))
    overLimit.add(address, 1)
    const ending = setTimeout(() => socket.destroy(), REFUSED_WITHIN_MS).unref()
    socket.once('close', () => {
      clearTimeout(ending)
      refused.delete(socket)
      overLimit.add(address, -1)
    })
  }

  function accept(socket: Socket) {
    const address = socket.remoteAddress
    // Gone already.
    if (address === undefined) return
    const proxy = deps.isProxy?.(address) === true
    const name = proxy ? 'proxies' : networkOf(address)
    const most = proxy ? undefined : mostOf(connections, name)
    const isFull = most !== undefined || connections.total() >= CONNECTIONS_MAX
    if (isFull) return refuse(socket, name, most ?? 0)
    if (proxy) proxies.add(socket)
    connections.add(name, 1)
    socket.once('close', () => connections.add(name, -1))
  }

  /** Counts the request of a caller behind a proxy until it has ended. */
  function enter(request: FastifyRequest, reply: FastifyReply): string {
    const address = networkOf(request.ip)
    const most = mostOf(requests, address)
    if (most !== undefined) throw tooMany(address, most)
    requests.add(address, 1)
    const ended = request.ws ? request.raw.socket : reply.raw
    ended.once('close', () => requests.add(address, -1))
    return address
  }

  server.on('connection', accept)
  return {
    /**
     * Returns the address of the caller behind a trusted proxy; undefined: the connection is the caller's. Throws a
     * Refusal if the connection, or the caller behind the proxy, is over the limit.
     */
    check(request: FastifyRequest, reply: FastifyReply): string | undefined {
      if (refused.size > 0) {
        const refusal = refused.get(request.raw.socket)
        if (refusal !== undefined) {
          endAfter(reply.raw, request.raw.socket)
          throw refusal
        }
      }
      const isProxied = deps.isProxy !== undefined && proxies.has(request.raw.socket)
      return isProxied ? enter(request, reply) : undefined
    },
  }
}

/** Returns the most that the address may hold now if it may not hold `ask` more; undefined: it may. */
export function decideMost(
  counts: Tally,
  address: string,
  capacity: number,
  ask = 1,
  limit?: number,
): number | undefined {
  const used = counts.total()
  const own = counts.of(address)
  // Other callers can appear at any time, so an address is never alone.
  const decision = decideShare({ capacity, used, own, ask, limit, tenants: 2 })
  return decision.kind === 'take' ? undefined : decision.allowed
}

function tooMany(address: string, most: number): Refusal {
  return new Refusal(
    'too-many-connections',
    `The address ${address} may have ${most} connections now. Send several requests over one connection, and follow several tasks over one stream.`,
  )
}
