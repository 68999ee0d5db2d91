import type { OutgoingHttpHeaders } from 'node:http'
import type { Principal } from '@agentfleet/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FailedAttempts } from '../principals/failed-attempts.ts'
import type { KeyLimiter } from '../principals/limits/key-limiter.ts'
import type { Recorder } from '../principals/record.ts'
import type { Pace } from '../tenants/pace.ts'
import type { Authenticate, Needs } from './auth.ts'
import { hasBody } from './bodies.ts'
import { Refusal, refusalHeaders, toProblem } from './problems.ts'
import { endAfter } from './slow-readers.ts'

/**
 * Lets a request in: finds its caller, checks the scope, waits for the turn of the tenant, then checks the limits of
 * the key. All of it runs before the body is read, so that a refused request costs no more.
 */
export type Guard = (operation: string, needs: Needs) => Hook

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

interface GuardDeps {
  readonly authenticate: Authenticate
  readonly failedAttempts: FailedAttempts
  readonly limiter: KeyLimiter
  readonly pace: Pace
  readonly recorder: Recorder
  readonly countRefusal: (code: string) => void
}

const TOO_MANY = new Refusal(
  'too-many-failures',
  'This address sent too many wrong keys. Send a valid key after Retry-After seconds; a valid key is accepted at once.',
)
const TOO_MANY_BODY = Buffer.from(JSON.stringify(toProblem(TOO_MANY)))
const TOO_MANY_STATUS = 429

/** Creates the guard. */
export function createGuard(deps: GuardDeps): Guard {
  const { authenticate, failedAttempts, limiter, pace, recorder, countRefusal } = deps

  /** Answers a wrong key; beyond the limit of its address with a fixed text, past all other code. */
  function refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    operation: string,
    error: unknown,
    done: (error?: Error) => void,
  ) {
    const wrong = error instanceof Refusal && error.code === 'unauthorized'
    const retryAfterMs = wrong ? failedAttempts.note(request.ip) : 0
    if (retryAfterMs === 0) {
      done(error as Error)
      return
    }
    countRefusal(TOO_MANY.code)
    recorder.refused(request, operation, TOO_MANY_STATUS, TOO_MANY.code)
    recorder.answered(request, operation, TOO_MANY_STATUS, reply.elapsedTime, TOO_MANY.code)
    reply.hijack()
    const headers = refusalHeaders({ code: TOO_MANY.code, retryAfterMs })
    headers['content-length'] = String(TOO_MANY_BODY.length)
    // A new connection costs more than an answer, so only one with an unread body is closed.
    if (hasBody(request) && !request.raw.complete) endAfter(reply.raw, request.raw.socket)
    // A page can read the answer only with the headers that the reply has already.
    const before = reply.getHeaders() as OutgoingHttpHeaders
    reply.raw.writeHead(TOO_MANY_STATUS, Object.assign(before, headers))
    reply.raw.end(TOO_MANY_BODY)
  }

  /** Begins the request when it is the tenant's turn. */
  function enter(
    principal: Principal,
    request: FastifyRequest,
    reply: FastifyReply,
    needs: Needs,
    done: (error?: Error) => void,
  ) {
    const { tenant } = principal
    request.tenant = tenant
    if (pace.now(tenant)) enterNow(principal, request, reply, needs, done)
    else pace.later(tenant, () => enterNow(principal, request, reply, needs, done))
  }

  /** Counts the request of a caller with limits; most callers have none, and then nothing waits. */
  function enterNow(
    principal: Principal,
    request: FastifyRequest,
    reply: FastifyReply,
    { stream }: Needs,
    done: (error?: Error) => void,
  ) {
    if (principal.limits === undefined) {
      done()
      return
    }
    let entered: Promise<void> | undefined
    try {
      entered = limiter.enter(principal, request, reply, stream)
    } catch (error) {
      done(error as Error)
      return
    }
    if (entered === undefined) done()
    else entered.then(() => done(), done)
  }

  return (operation, needs) => (request, reply, done) => {
    let found: Principal | Promise<Principal>
    try {
      found = authenticate(request, needs)
    } catch (error) {
      refuse(request, reply, operation, error, done)
      return
    }
    if (found instanceof Promise) {
      found.then(
        (principal) => enter(principal, request, reply, needs, done),
        (error: unknown) => refuse(request, reply, operation, error, done),
      )
    } else enter(found, request, reply, needs, done)
  }
}
