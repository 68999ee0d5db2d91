import { createHmac, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createIssuerKey,
  NODE_USER,
  permissionsOf,
  REDIS_RULES,
  REDIS_SERVICES,
  SERVICES,
  type ServiceName,
} from '@agentfleet/protocol'
import type { NatsUser } from '../servers/nats.ts'
import type { RedisUser } from '../servers/redis.ts'

/** The users of NATS and Redis of one fleet, drawn at its start (L9). */
export interface Credentials {
  /** May do everything, in NATS and in Redis: for tools that look at the log itself. */
  readonly operator: { readonly user: string; readonly password: string }
  readonly natsUsers: readonly NatsUser[]
  /** Public key of the coordinators, which vouch for the nodes. */
  readonly natsIssuer: string
  readonly redisUsers: readonly RedisUser[]
  /** The address of Redis with the credentials of the operator. */
  operatorRedisUrl(redisUrl: string): string
  /** The variables with which a process of a service connects. */
  envOf(service: ServiceName, id: string, redisUrl: string): Readonly<Record<string, string>>
}

const SECRET_BYTES = 24

/** Draws a secret. */
export function drawSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/**
 * Returns the secret of a fleet's nodes, which it keeps in the state folder: the first secret that uses the
 * name of a node owns it, and the owners are kept with the state (ADR 050).
 */
export async function keepNodesSecret(dir: string): Promise<string> {
  const path = join(dir, 'nodes-secret')
  const kept = await readFile(path, 'utf8').catch(() => '')
  if (kept !== '') return kept
  const drawn = drawSecret()
  await writeFile(path, drawn, { mode: 0o600 })
  return drawn
}

/** Draws the credentials of a fleet; each node's secret is derived from that of all nodes. */
export function drawCredentials(nodesSecret: string): Credentials {
  const passwords = new Map(SERVICES.map((service) => [service, drawSecret()]))
  const passwordOf = (service: ServiceName): string => passwords.get(service) ?? ''
  const operator = { user: 'operator', password: drawSecret() }
  const issuer = createIssuerKey()
  // The list of NATS has no worker: a coordinator vouches for each node.
  const listed = SERVICES.filter((service) => service !== 'worker')
  return {
    operator,
    natsUsers: [
      operator,
      ...listed.map((service) => ({
        user: service,
        password: passwordOf(service),
        permissions: permissionsOf(service),
      })),
    ],
    natsIssuer: issuer.publicKey,
    redisUsers: REDIS_SERVICES.map((name) => ({
      name,
      password: passwordOf(name),
      rules: REDIS_RULES[name],
    })),
    operatorRedisUrl: (redisUrl) => withUser(redisUrl, '', operator.password),
    envOf: (service, id, redisUrl) => ({
      NATS_USER: service === 'worker' ? NODE_USER : service,
      NATS_PASSWORD: passwordOf(service),
      REDIS_URL: withUser(redisUrl, service, passwordOf(service)),
      ...(service === 'worker'
        ? { NODE_SECRET: createHmac('sha256', nodesSecret).update(id).digest('base64url') }
        : {}),
      ...(service === 'coordinator'
        ? { NATS_ISSUER_SEED: issuer.seed, NODE_PASSWORD: passwordOf('worker') }
        : {}),
    }),
  }
}

function withUser(url: string, user: string, password: string): string {
  return url.replace('//', `//${user}:${encodeURIComponent(password)}@`)
}
