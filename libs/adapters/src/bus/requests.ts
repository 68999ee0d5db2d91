import { createCompactingMap } from '@agentfleet/domain'
import { nuid, type NatsConnection } from 'nats'
import type { Outgoing, Reply } from './bus.ts'

/**
 * Requests over one shared inbox. Invariants: each request is resolved exactly once, by its answer,
 * by the server's word that nobody listens, or by its timeout.
 */
export interface Requester {
  request(subject: string, data: string, timeoutMs: number): Promise<Reply>
  gather(
    subject: string,
    data: string,
    waitMs: number,
    heard?: (text: string) => void,
  ): Promise<string[]>
}

interface Waiting {
  /** True when this answer was the last one wanted. */
  readonly answered: (reply: Reply) => boolean
  readonly deadlineAtMs: number
}

/** Timeouts are looked at this often, milliseconds: one timer for all requests. */
const SWEEP_EVERY_MS = 50
/** The server's status for "nobody listens". */
const NO_RESPONDERS = 503

/** Opens the inbox on this connection. */
export function createRequester(
  nats: NatsConnection,
  inboxPrefix: string,
  send: (message: Outgoing) => void,
): Requester {
  const prefix = `${inboxPrefix}.req.${nuid.next()}.`
  const waiting = createCompactingMap<string, Waiting>()
  let counter = 0
  let sweeper: NodeJS.Timeout | undefined

  const settle = (key: string, reply: Reply): void => {
    const entry = waiting.get(key)
    if (entry === undefined) return
    if (entry.answered(reply)) waiting.delete(key)
  }

  nats.subscribe(`${prefix}*`, {
    callback(error, message) {
      if (error !== null) return
      const key = message.subject.slice(prefix.length)
      const nobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS
      settle(key, nobody ? { kind: 'no-responders' } : { kind: 'reply', text: message.string() })
    },
  })

  const sweep = (): void => {
    const now = performance.now()
    for (const [key, entry] of waiting) {
      if (now >= entry.deadlineAtMs) settle(key, { kind: 'timeout' })
    }
    sweeper = waiting.size > 0 ? setTimeout(sweep, SWEEP_EVERY_MS) : undefined
  }

  const ask = (
    subject: string,
    data: string,
    waitMs: number,
    answered: (reply: Reply) => boolean,
  ): void => {
    const key = (counter++).toString(36)
    waiting.set(key, { answered, deadlineAtMs: performance.now() + waitMs })
    send({ subject, data, reply: prefix + key })
    sweeper ??= setTimeout(sweep, SWEEP_EVERY_MS)
  }

  return {
    request: (subject, data, timeoutMs) =>
      new Promise((resolve) => {
        ask(subject, data, timeoutMs, (reply) => {
          resolve(reply)
          return true
        })
      }),
    gather: (subject, data, waitMs, heard) =>
      new Promise((resolve) => {
        const texts: string[] = []
        ask(subject, data, waitMs, (reply) => {
          if (reply.kind === 'reply') {
            texts.push(reply.text)
            heard?.(reply.text)
            return false
          }
          resolve(texts)
          return true
        })
      }),
  }
}
