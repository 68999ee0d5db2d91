import type { CallerLimits } from '@agentfleet/adapters'
import type { Principal } from '@agentfleet/domain'
import { parseStored, ticketSchema, toStored, type TicketView } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { TICKET_LIFETIME_S, TICKET_PREFIX, type FindCaller } from '../http/auth.ts'
import { Refusal } from '../http/problems.ts'
import { isoTime } from '../tasks/views.ts'
import { digestOf, newSecret } from './tokens.ts'

/**
 * Tickets for streams that browsers open: a page cannot set a header there, and a key does not belong into an
 * address, which ends up in logs. A ticket opens one stream, within seconds.
 */

const LIFETIME_MS = TICKET_LIFETIME_S * 1_000
/** A secret of 32 bytes in base64url. */
const TICKET_PATTERN = /^aft_[\w-]{43}$/
/** Tickets that a key makes in a minute: Redis holds at most half as many more than this for it. */
const PER_MINUTE = 6_000

/** Creates the handler of `/v1/tickets` by operationId. */
export function ticketRoutes(deps: {
  tickets: Pick<CallerLimits, 'saveTicket' | 'draw'>
  nowMs: () => number
}) {
  return {
    async createTicket(request: FastifyRequest, reply: FastifyReply): Promise<TicketView> {
      const { keyId = '' } = request.principal ?? {}
      const { kind, retryAfterMs } = await deps.tickets.draw(`ticket.${keyId}`, PER_MINUTE)
      if (kind === 'empty') {
        throw new Refusal(
          'rate-limited',
          `A key may make ${PER_MINUTE} tickets a minute. Send this request again after Retry-After seconds.`,
          undefined,
          retryAfterMs,
        )
      }
      const ticket = TICKET_PREFIX + newSecret()
      const caller = toStored({ ...request.principal }, 'ticket')
      await deps.tickets.saveTicket(digestOf(ticket), caller, LIFETIME_MS)
      void reply.code(201)
      return { ticket, expiresAt: isoTime(deps.nowMs() + LIFETIME_MS) }
    },
  }
}

/**
 * Finds the caller of a ticket once, as its key describes it now. Each ticket costs a question to Redis, so an address
 * with many failures gets only so many (L7).
 */
export function createTicketUse(deps: {
  tickets: Pick<CallerLimits, 'useTicket'>
  refreshed: (principal: Principal) => Principal
  /** Whether a ticket from this address may cost a question now. */
  mayCheck: (address: string) => boolean
  log: Logger
}): FindCaller {
  return async (ticket, address) => {
    if (!TICKET_PATTERN.test(ticket) || !deps.mayCheck(address)) return undefined
    const stored = await deps.tickets.useTicket(digestOf(ticket))
    if (stored === undefined) return undefined
    const caller = parseStored(stored, 'ticket', ticketSchema)
    if (caller.kind === 'parsed') return deps.refreshed(caller.value)
    // This release may not know a limit of the caller's rights.
    deps.log.warn({ err: caller.problem }, 'The gateway refused a ticket that it cannot read')
    return undefined
  }
}
