import { ServiceError } from '@agentfleet/protocol'
import Consul from 'consul'
import { Agent as HttpsAgent } from 'node:https'
import { within } from '../bus/bus.ts'
import { readAddress } from '../connection/address.ts'
import { createRedaction, type Redaction } from '../connection/redaction.ts'
import { readTls, type TlsFiles } from '../connection/tls.ts'
import { standForLeader, type Leadership, type LeadOptions, type LockCalls } from './leadership.ts'
import { keepRegistered, type RegistrationCalls } from './registration.ts'
import { followServices, type Queries } from './watch.ts'
import type { Closable, Logger } from '@agentfleet/runtime'

/**
 * Discovery through Consul. During an outage the list of services stays unchanged; it never becomes empty.
 * Liveness follows from heartbeats, not from Consul.
 */
export interface Registry {
  /**
   * Registers one service with an HTTP check on its `/readyz`, again whenever Consul has forgotten it;
   * `close` takes it out.
   */
  register(service: {
    readonly id: string
    readonly name: string
    readonly host: string
    readonly port: number
  }): Promise<Closable>
  /** Follows the ids of the passing services of a name; `close` ends it. */
  watch(name: string, receive: (ids: readonly string[]) => void): { close(): void }
  /** Ids of the services of a name whose checks are critical. */
  critical(name: string): Promise<readonly string[]>
  /** Whether Consul answered when the registration was last checked. */
  connected(): boolean
  /** Stands for the one leadership of a key until it is closed. */
  lead(key: string, options: LeadOptions): Leadership
}

const CHECK_INTERVAL = '1s'
const CHECK_TIMEOUT = '1s'
/**
 * The shortest period that Consul accepts; Consul acts about a minute later. Until then the entry stays,
 * marked critical.
 */
const DEREGISTER_AFTER = '1m'
const CALL_WITHIN_MS = 3_000
/** A blocking query returns after this at the latest. */
const WATCH_WAIT = '30s'
/** After a leader is lost the lock stays closed this long, so that its last actions finish first. */
const LOCK_DELAY = '1s'
const CONSUL_PORT = 8500

/** Speaks to the Consul agent at `url`; connects with the first call. */
export function connectRegistry(options: {
  readonly url: string
  /** The token of Consul's access control. */
  readonly token?: string | undefined
  /** For an address that begins with https:// */
  readonly tls?: TlsFiles
  readonly log: Logger
}): Registry {
  const { token } = options
  const address = readAddress(options.url, CONSUL_PORT)
  const { host, port, user, password } = address
  const tls = readTls('CONSUL', address, options.tls)
  const redaction = createRedaction([token, password, user])
  const log = redaction.log(options.log)
  const limited = callsWithin(CALL_WITHIN_MS, redaction)
  let connected = true
  const consul = new Consul({
    host: host.includes(':') ? `[${host}]` : host,
    port,
    secure: address.tls,
    ...(tls === undefined ? {} : { agent: new HttpsAgent({ keepAlive: true, ...tls }) }),
    ...(token === undefined ? {} : { defaults: { token } }),
  })
  return {
    connected: () => connected,
    register: (service) =>
      keepRegistered(registrationCalls(consul, limited, service), {
        log,
        answers: (answers) => (connected = answers),
      }),
    watch(name, receive) {
      const begin = (): Queries =>
        consul.watch({
          method: consul.health.service,
          // The types of the client allow only text; Consul reads `passing=true` from the query in both forms.
          options: { service: name, passing: 'true', wait: WATCH_WAIT },
        })
      return followServices(begin, { receive, log })
    },
    lead: (key, leadOptions) =>
      standForLeader(lockCalls(consul, limited, key), { ...leadOptions, key, log }),
    async critical(name) {
      const entries: unknown = await limited(consul.health.checks({ service: name }))
      const checks = (Array.isArray(entries) ? entries : []) as Partial<
        Record<'Status' | 'ServiceID', string>
      >[]
      return checks.flatMap((check) =>
        check?.Status === 'critical' ? (check.ServiceID ?? []) : [],
      )
    },
  }
}

/** The calls that keep a service registered with an HTTP check on its `/readyz`. */
function registrationCalls(
  consul: Consul,
  limited: Limited,
  { id, name, host, port }: Parameters<Registry['register']>[0],
): RegistrationCalls {
  const entry = {
    id,
    name,
    address: host,
    port,
    check: {
      name: 'readyz',
      http: `http://${host}:${port}/readyz`,
      interval: CHECK_INTERVAL,
      timeout: CHECK_TIMEOUT,
      // The service registers in the background once it is ready.
      status: 'passing',
      deregistercriticalserviceafter: DEREGISTER_AFTER,
    },
  }
  // The catalog and not the agent is asked: other processes read it, and every agent gives the same answer.
  const query = { service: name, filter: `Service.ID == ${JSON.stringify(id)}` }
  return {
    isOutage,
    register: () => limited(consul.agent.service.register(entry)),
    listed: async () => {
      const entries: unknown = await limited(consul.health.service(query))
      // Not a list: nothing is known about the entry, as in an outage.
      if (!Array.isArray(entries)) throw new Error('Consul answered without a list')
      return entries.some((found) => isChecked(found, id))
    },
    deregister: () => limited(consul.agent.service.deregister(id)),
  }
}

/** The calls that hold the lock of a key by a session. */
function lockCalls(consul: Consul, limited: Limited, key: string): LockCalls {
  return {
    createSession: async (name, ttlMs) => {
      const ttl = `${Math.ceil(ttlMs / 1_000)}s`
      const settings = { name, ttl, behavior: 'release', lockdelay: LOCK_DELAY } as const
      return (await limited(consul.session.create(settings))).ID
    },
    renewSession: (id) =>
      limited(
        consul.session.renew(id).then(
          () => true,
          (error: unknown) => {
            if (isNotFound(error)) return false
            throw error
          },
        ),
      ),
    destroySession: (id) => limited(consul.session.destroy(id)),
    acquire: (session, value) => limited(consul.kv.set({ key, value, acquire: session })),
  }
}

/** Whether a listed service has its check: without one, Consul counts it as passing for ever. */
function isChecked(entry: unknown, id: string): boolean {
  const { Checks: checks } = (entry ?? {}) as { readonly Checks?: unknown }
  return (
    Array.isArray(checks) &&
    checks.some((check: { readonly ServiceID?: unknown } | null) => check?.ServiceID === id)
  )
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 404
}

/** Codes of a server that is away or frozen. All other failures are refusals, such as a wrong certificate. */
const AWAY_CODES = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'bus-timeout']

/** Whether a failed call found no Consul, or one without a leader. */
function isOutage(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  const { code = '', statusCode = 0 } = (cause ?? {}) as { code?: string; statusCode?: number }
  return AWAY_CODES.includes(code) || statusCode >= 500
}

type Limited = <T>(call: Promise<T>) => Promise<T>

/** Bounds calls in time and keeps from their errors what is secret. */
function callsWithin(ms: number, redaction: Redaction): Limited {
  return async (call) => {
    try {
      return await within(call, ms)
    } catch (cause) {
      throw new ServiceError('registry-unavailable', 'Consul does not answer', {
        retryable: true,
        cause: redaction.error(cause),
      })
    }
  }
}
