import { createCompactingMap } from '@agentfleet/domain'
import type { NatsConnection } from 'nats'
import { createReplyKeys } from './reply-keys.ts'
import type { Ended, Outgoing, Wire } from './wire.ts'

interface Waiting {
  /** True when this was the last answer that the caller wants. */
  readonly take: (text: string) => boolean
  readonly resolve: (ended: Ended) => void
  readonly deadlineAtMs: number
}

/** Timeouts are checked this often, milliseconds: one timer for all requests. */
const SWEEP_EVERY_MS = 50
/** The server's no-responders status. */
const NO_RESPONDERS = 503

/**
 * Requests over one shared inbox of this connection. Invariants: each request is resolved exactly once: by its answer,
 * by the server's no-responders status, or by its timeout.
 */
export function createRequester(
  nats: NatsConnection,
  inboxPrefix: string,
  post: (message: Outgoing) => boolean,
): Pick<Wire, 'request' | 'collect'> {
  const nextKey = createReplyKeys()
  const prefix = `${inboxPrefix}.req.${nextKey()}.`
  const waiting = createCompactingMap<string, Waiting>()
  let sweeper: NodeJS.Timeout | undefined

  const end = (key: string, kind: Ended['kind']): void => {
    const entry = waiting.get(key)
    if (entry === undefined) return
    waiting.delete(key)
    entry.resolve({ kind })
  }

  nats.subscribe(`${prefix}*`, {
    callback(error, message) {
      if (error !== null) return
      const key = message.subject.slice(prefix.length)
      const nobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS
      if (nobody) end(key, 'no-responders')
      else if (waiting.get(key)?.take(message.string()) === true) end(key, 'answered')
    },
  })

  const sweep = (): void => {
    const now = performance.now()
    for (const [key, entry] of waiting) if (now >= entry.deadlineAtMs) end(key, 'timeout')
    sweeper = waiting.size > 0 ? setTimeout(sweep, SWEEP_EVERY_MS) : undefined
  }

  const collect: Wire['collect'] = (subject, data, waitMs, take) =>
    new Promise((resolve) => {
      const key = nextKey()
      if (!post({ subject, data, reply: prefix + key })) {
        resolve({ kind: 'too-large' })
        return
      }
      waiting.set(key, { take, resolve, deadlineAtMs: performance.now() + waitMs })
      sweeper ??= setTimeout(sweep, SWEEP_EVERY_MS)
    })

  return {
    collect,
    async request(subject, data, timeoutMs) {
      let answer = ''
      const { kind } = await collect(subject, data, timeoutMs, (text) => {
        answer = text
        return true
      })
      return kind === 'answered' ? { kind: 'reply', text: answer } : { kind }
    },
  }
}
