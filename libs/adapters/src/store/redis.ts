import { ServiceError } from '@agentfleet/protocol'
import { createHash } from 'node:crypto'
import { given } from '@agentfleet/domain'
import type { Redis } from 'ioredis'
import { settleWithin, type Logger } from '@agentfleet/runtime'
import { readAddress } from '../connection/address.ts'
import { createRedaction } from '../connection/redaction.ts'
import { readTls, type TlsFiles } from '../connection/tls.ts'

/** A connection to Redis. */
export interface RedisConnection {
  /** Whether Redis is connected now. */
  connected(): boolean
  close(): Promise<void>
}

const RECONNECT_MAX_MS = 1_000
/** A Redis that answers is connected within milliseconds; a frozen one must not hold up a start. */
const FIRST_CONNECT_WITHIN_MS = 1_000
/** A Redis that is silent for so much longer than a command may take is frozen, milliseconds. */
const SILENCE_EXTRA_MS = 1_000
const REDIS_PORT = 6379
/** The part of a key in the log; the names of keys that a right covers are shorter. */
const KEY_CHARS_MAX = 100
const RIGHTS_FIRST =
  'update the users of Redis and their rights before the services, see the guide "Run in production"'
const REFUSED = `Redis refuses a command to this service; ${RIGHTS_FIRST}`

/** Where Redis is. */
export interface RedisOptions {
  readonly url: string
  /** For an address that begins with rediss:// */
  readonly tls?: TlsFiles
  readonly log: Logger
}

/**
 * Connects to Redis; `name` is the purpose of this connection, for the log. While Redis is unavailable or frozen, every
 * call fails, and the start of the service is delayed by a second at most.
 */
export async function connectRedis(options: RedisOptions, name: string, commandWithinMs: number) {
  const { log } = options
  const address = readAddress(options.url, REDIS_PORT)
  const { host, port, user, password, database } = address
  const tls = readTls('REDIS', address, options.tls)
  const redaction = createRedaction([password, user])
  // Half of the services never connect to Redis: they need not load its client.
  const { Redis: Client } = await import('ioredis')
  // In parts: the client reads a URL in its own way, and its query as options.
  const redis = new Client({
    host,
    port,
    db: database,
    ...given({ username: user, password, tls }),
    lazyConnect: true,
    // No user of a service may call CLIENT.
    disableClientInfo: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: commandWithinMs,
    connectTimeout: commandWithinMs,
    // Commands that were sent to a frozen Redis stay in memory until the connection ends (L7).
    socketTimeout: commandWithinMs + SILENCE_EXTRA_MS,
    retryStrategy: (tries) => Math.min(RECONNECT_MAX_MS, 50 * tries),
  })
  let away = false
  const refusals = createRefusals((cause, what) =>
    log.error(
      { err: redaction.error(cause) },
      `Redis refuses ${what} for the ${name}; ${RIGHTS_FIRST}`,
    ),
  )
  redis.on('error', (error: Error) => {
    refusals.connectionFailed(error)
    const why = refusesLogin(error) ? `: Redis refuses the login; ${RIGHTS_FIRST}` : ''
    if (!away)
      log.warn({ err: redaction.error(error) }, `Redis is unavailable for the ${name}${why}`)
    away = true
  })
  redis.on('ready', () => {
    if (away) log.info({}, `Redis is available again for the ${name}`)
    away = false
    refusals.connected()
  })
  // The service starts without Redis; the parts that need it report `store-unavailable` meanwhile.
  await settleWithin(
    redis.connect().catch(() => undefined),
    FIRST_CONNECT_WITHIN_MS,
  )

  /** Runs commands; every failure is `store-unavailable`. */
  const guarded = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call()
    } catch (cause) {
      throw new ServiceError('store-unavailable', refusals.messageOf(cause), {
        retryable: true,
        cause: redaction.error(cause),
      })
    }
  }
  return {
    redis,
    guarded,
    connected: () => redis.status === 'ready',
    /** Runs a Lua script by its digest. */
    script: (text: string, keys: readonly string[], argv: readonly (string | number)[]) =>
      guarded(() => runScript(redis, text, keys, argv)),
    async close(): Promise<void> {
      redis.disconnect()
    },
  }
}

/** Tells refusals of Redis from its silence; `say` gets each command that Redis refuses once per connection. */
function createRefusals(say: (cause: Error, what: string) => void) {
  // Redis closes a connection whose login it refuses: later commands fail without an answer.
  let refusedLogin = false
  const said = new Set<string>()
  return {
    connectionFailed(error: Error): void {
      refusedLogin = refusesLogin(error)
    },
    connected(): void {
      refusedLogin = false
      said.clear()
    },
    /** The message for callers, without the names of keys. */
    messageOf(cause: unknown): string {
      const answered = cause instanceof Error && cause.name === 'ReplyError'
      if (!answered) return refusedLogin ? REFUSED : 'Redis does not answer'
      if (refusesLogin(cause)) return REFUSED
      // A full memory is an answer too: an operator should look at it, not at the network or the rights.
      if (!lacksRights(cause)) return 'Redis failed a command'
      const { name, key } = commandOf(cause)
      if (!said.has(name)) say(cause, `${name} ${key} to the user of this service`)
      said.add(name)
      return REFUSED
    },
  }
}

function refusesLogin({ message }: Error): boolean {
  return /NOAUTH|WRONGPASS/.test(message)
}

/** Whether Redis refused a right; inside a script Redis says it in other words. */
function lacksRights({ message }: Error): boolean {
  return /NOPERM|can't (run|access)|permissions/.test(message)
}

/** The refused command and its first key, from the client's error; not for a login, whose first word is a secret. */
function commandOf(cause: Error): { readonly name: string; readonly key: string } {
  const { command } = cause as {
    readonly command?: { readonly name: string; readonly args: readonly (string | number)[] }
  }
  const name = command?.name.toUpperCase() ?? 'a command'
  // EVAL and EVALSHA have their script and the number of keys before the first key.
  const key = command?.args[name.startsWith('EVAL') ? 2 : 0] ?? ''
  return { name, key: String(key).slice(0, KEY_CHARS_MAX) }
}

/** Runs a script by its digest, and in full when a restarted Redis has forgotten it. */
export async function runScript(
  redis: Redis,
  script: string,
  keys: readonly string[],
  argv: readonly (string | number)[],
): Promise<unknown> {
  const sha = createHash('sha1').update(script).digest('hex')
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...argv)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return redis.eval(script, keys.length, ...keys, ...argv)
  }
}
