import type { Problem } from '@agentfleet/protocol'

/** A request that the gateway refused, or that did not reach it (status 0). */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly status: number
  readonly problem: Problem
  /** Seconds after which the same request may succeed, if the gateway named them. */
  readonly retryAfterS: number | undefined
  constructor(
    problem: Problem,
    options: { retryAfterS?: number | undefined; cause?: unknown } = {},
  ) {
    super(`${problem.title}: ${problem.detail}`, { cause: options.cause })
    this.status = problem.status
    this.problem = problem
    this.retryAfterS = options.retryAfterS
  }
}

/** The error of an answer that is not a success. */
export function errorOf(status: number, body: string, retryAfter: string | null): ClientError {
  const seconds = Number(retryAfter ?? NaN)
  const retryAfterS = Number.isFinite(seconds) ? seconds : undefined
  return new ClientError(problemIn(body) ?? foreignProblem(status, body), { retryAfterS })
}

/** The error of a request that got no answer. */
export function unreachable(cause: unknown): ClientError {
  return new ClientError(
    {
      type: 'urn:agentfleet:problem:unreachable',
      title: 'The gateway did not answer',
      status: 0,
      detail: detailOf(cause),
      code: 'unreachable',
    },
    { cause },
  )
}

function detailOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
  if ((inner as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED') {
    return 'No program accepts connections at this address, so the gateway did not receive the request.'
  }
  const reason = inner instanceof Error ? inner.message : String(inner)
  return `The gateway may or may not have received the request (${reason}). You can safely repeat a submission that has an idempotency key.`
}

/** The error of a success that is not JSON: the address belongs to another server. */
export function notJson(status: number, body: string): ClientError {
  return new ClientError(foreignProblem(status, body))
}

function problemIn(body: string): Problem | undefined {
  try {
    const value = JSON.parse(body) as Problem
    return typeof value.code === 'string' && typeof value.detail === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/** A proxy answered in place of the gateway. */
function foreignProblem(status: number, body: string): Problem {
  return {
    type: 'about:blank',
    title: `HTTP ${status}`,
    status,
    detail: body.slice(0, 200) || 'The answer has no explanation.',
    code: 'unknown',
  }
}
