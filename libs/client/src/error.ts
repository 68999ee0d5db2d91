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

/** The error of an answer that is not a success; a gateway never redirects a request of the API. */
export function errorOf(
  status: number,
  body: string,
  header: (name: string) => string | null | undefined,
): ClientError {
  const seconds = Number(header('retry-after') ?? NaN)
  const retryAfterS = Number.isFinite(seconds) ? seconds : undefined
  const location = status >= 300 && status < 400 ? header('location') : undefined
  if (location) {
    const detail = `The server redirects to ${location.slice(0, 200)}. Use the address of the gateway itself.`
    return new ClientError(foreignProblem(status, detail))
  }
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

/** Why no connection came about, by the code or the text of the error: so the gateway did not receive the request. */
const NOT_CONNECTED: readonly (readonly [codes: RegExp, why: string])[] = [
  [/^ECONNREFUSED$/, 'No program accepts connections at this address'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'The name of the host has no address'],
  [/^bad port$/, 'Node.js sends no requests to this port, because another protocol uses it'],
  [/^(EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/, 'This machine cannot reach the host'],
  [
    /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/,
    'The server does not speak TLS (use http:// in place of https://)',
  ],
  [
    /CERT|UNABLE_TO_VERIFY/,
    'This machine does not trust the certificate of the server (NODE_EXTRA_CA_CERTS may name a file with its authority)',
  ],
]

function detailOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
  const reason = inner instanceof Error ? inner.message : String(inner)
  const code = (inner as NodeJS.ErrnoException | undefined)?.code ?? reason
  const [, why] = NOT_CONNECTED.find(([codes]) => codes.test(code)) ?? []
  if (why !== undefined) return `${why}, so the gateway did not receive the request.`
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
