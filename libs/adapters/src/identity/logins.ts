/**
 * Answers the questions of nats-server which permissions a connection gets (its "auth callout").
 *
 * Question and answer are JWTs of NATS. The answer holds the user with its permissions, signed with the key
 * that the server's configuration names as issuer; so only a process with this key can let a connection in.
 */
import { randomUUID } from 'node:crypto'
import { jsonIn } from '@agentfleet/domain'
import { LOGIN_SUBJECT, type Issuer, type Permissions } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'

/** The outcome of a login. */
type LoginAnswer =
  | { readonly kind: 'admit'; readonly permissions: Permissions }
  | { readonly kind: 'refuse'; readonly reason: string }

/** Decides on a connection by the user and password that it presents. */
export type HandleLogin = (user: string, password: string) => Promise<LoginAnswer>

/** A question of nats-server: which server asks, about which connection, and the connection's user and password. */
interface Question {
  readonly serverId: string
  readonly userKey: string
  readonly user: string
  readonly password: string
}

/** Answers go to one of the processes that answer. */
const QUEUE = 'coordinator'
/** The account of a server whose configuration names no accounts. */
const ACCOUNT = '$G'
const UNLIMITED = -1
const MS_PER_S = 1_000
const NS_PER_MS = 1_000_000

/** Answers until it is closed. */
export function answerLogins(
  bus: Bus,
  options: { readonly issuer: Issuer; readonly handle: HandleLogin; readonly log: Logger },
): { close(): void } {
  const { issuer, handle, log } = options
  const sign = (claims: object, nats: object): string => {
    const issued = {
      jti: randomUUID(),
      iat: Math.floor(Date.now() / MS_PER_S),
      iss: issuer.publicKey,
    }
    const head = part({ typ: 'JWT', alg: 'ed25519-nkey' })
    const text = `${head}.${part({ ...issued, ...claims, nats: { version: 2, ...nats } })}`
    return `${text}.${issuer.sign(text)}`
  }
  const answerTo = (question: Question, answer: LoginAnswer): string => {
    const { userKey, serverId, user } = question
    const about = { sub: userKey, aud: serverId }
    const type = 'authorization_response'
    if (answer.kind === 'refuse') return sign(about, { type, error: answer.reason })
    const { publish, subscribe, responses } = answer.permissions
    const jwt = sign(
      { sub: userKey, aud: ACCOUNT, name: user },
      {
        type: 'user',
        pub: { allow: publish.allow },
        sub: { allow: subscribe.allow },
        ...(responses === undefined
          ? {}
          : { resp: { max: responses.max, ttl: responses.expiresMs * NS_PER_MS } }),
        subs: UNLIMITED,
        data: UNLIMITED,
        payload: UNLIMITED,
      },
    )
    return sign(about, { type, jwt })
  }
  return bus.subscribe(
    LOGIN_SUBJECT,
    (message) => {
      const question = readQuestion(message.text())
      if (question === undefined) {
        log.error({}, 'The coordinator dropped a login request of NATS that it cannot read')
        return
      }
      handle(question.user, question.password)
        .then((answer) => {
          if (answer.kind === 'refuse') {
            log.warn(
              { user: question.user, reason: answer.reason },
              'The coordinator refused the login of a node',
            )
          }
          message.respond(answerTo(question, answer))
        })
        // Without an answer the server refuses after two seconds, and the node tries again.
        .catch((error: unknown) =>
          log.error({ err: error }, 'The coordinator could not answer a login request of NATS'),
        )
    },
    { queue: QUEUE },
  )
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function readQuestion(token: string): Question | undefined {
  const claims = jsonIn(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const { nats } = (claims ?? {}) as {
    readonly nats?: {
      readonly server_id?: { readonly id?: string }
      readonly user_nkey?: string
      readonly connect_opts?: { readonly user?: string; readonly pass?: string }
    }
  }
  const serverId = nats?.server_id?.id
  const userKey = nats?.user_nkey
  if (typeof serverId !== 'string' || typeof userKey !== 'string') return undefined
  const { user = '', pass = '' } = nats?.connect_opts ?? {}
  return { serverId, userKey, user, password: pass }
}
