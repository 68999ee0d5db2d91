import { createCompactingMap } from '@agentfleet/domain'
import { headers } from 'nats'
import type { Bus } from '../bus/bus.ts'
import { createReplyKeys } from '../bus/reply-keys.ts'

/**
 * Compare-and-set publishes to a stream. Each is repeated until the server answers or its deadline is over.
 * One reply subscription and one sweep for all deadlines: this is the hottest path of the system.
 *
 * Invariants: an append is resolved exactly once; a repeat carries the same message id, so the server answers
 * `duplicate` and never stores it twice within the duplicate window (L2).
 */

/** The server's answer to one append. */
export type PubAck =
  | { readonly kind: 'stored'; readonly seq: number; readonly duplicate: boolean }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'full'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  /** The event exceeds one message; it was not sent. */
  | { readonly kind: 'too-large' }
  | { readonly kind: 'unknown' }

/** One compare-and-set publish. */
interface Append {
  readonly subject: string
  readonly data: string
  /** Sequence of the last message that the writer has seen on this subject; undefined: no condition. */
  readonly expectSeq?: number
  readonly messageId?: string
  /** It replaces the older messages of its subject; only for streams that hold newest versions alone. */
  readonly replaces?: true
  /** Give up after this long, milliseconds. */
  readonly deadlineMs: number
}

interface Pending {
  readonly append: Append
  readonly resolve: (ack: PubAck) => void
  readonly deadlineAtMs: number
  resendAtMs: number
}

/** An append without an answer is repeated after this, milliseconds. */
const RESEND_AFTER_MS = 1_500
const SWEEP_INTERVAL_MS = 100

/** Error codes of nats-server: wrong last sequence, and the four limits of a full stream. */
const WRONG_LAST_SEQUENCE = 10071
const FULL = new Set([10047, 10077, 10025, 10023])

/** Opens the reply subscription on this connection; sends appends and matches the answers. */
export function createAppender(bus: Bus) {
  const nextKey = createReplyKeys()
  const prefix = `${bus.inboxPrefix}.ack.${nextKey()}.`
  const pending = createCompactingMap<string, Pending>()
  let sweeper: NodeJS.Timeout | undefined

  const settle = (key: string, ack: PubAck): void => {
    const entry = pending.get(key)
    if (entry === undefined) return
    pending.delete(key)
    entry.resolve(ack)
  }

  const send = (key: string, entry: Pending): void => {
    entry.resendAtMs = performance.now() + RESEND_AFTER_MS
    const { append } = entry
    const head = headers()
    if (append.messageId !== undefined) head.append('Nats-Msg-Id', append.messageId)
    if (append.expectSeq !== undefined) {
      head.append('Nats-Expected-Last-Subject-Sequence', String(append.expectSeq))
    }
    if (append.replaces === true) head.append('Nats-Rollup', 'sub')
    const { subject, data } = append
    const sent = bus.post({ subject, data, headers: head, reply: prefix + key })
    if (!sent) settle(key, { kind: 'too-large' })
  }

  bus.nats.subscribe(`${prefix}*`, {
    callback(error, message) {
      if (error !== null) return
      const key = message.subject.slice(prefix.length)
      // No responders: JetStream is not up yet (the server restarts); the sweep repeats the append.
      if (message.data.length === 0) return
      const ack = parseAck(message.string())
      if (ack !== undefined) settle(key, ack)
    },
  })

  const sweep = (): void => {
    const now = performance.now()
    for (const [key, entry] of pending) {
      if (now >= entry.deadlineAtMs) settle(key, { kind: 'unknown' })
      else if (now >= entry.resendAtMs) send(key, entry)
    }
    sweeper = pending.size > 0 ? setTimeout(sweep, SWEEP_INTERVAL_MS) : undefined
  }
  // Appends under way when the connection broke are lost at one end or the other.
  bus.onReconnect(() => {
    for (const [key, entry] of pending) send(key, entry)
  })

  return {
    append(append: Append): Promise<PubAck> {
      return new Promise((resolve) => {
        const key = nextKey()
        const deadlineAtMs = performance.now() + append.deadlineMs
        const entry = { append, resolve, deadlineAtMs, resendAtMs: 0 }
        pending.set(key, entry)
        send(key, entry)
        sweeper ??= setTimeout(sweep, SWEEP_INTERVAL_MS)
      })
    },
  }
}

interface WireAck {
  readonly seq?: number
  readonly duplicate?: boolean
  readonly error?: {
    readonly code: number
    readonly err_code?: number
    readonly description: string
  }
}

function parseAck(text: string): PubAck | undefined {
  const ack = JSON.parse(text) as WireAck
  if (ack.error === undefined) {
    return { kind: 'stored', seq: ack.seq ?? 0, duplicate: ack.duplicate === true }
  }
  const code = ack.error.err_code ?? 0
  if (code === WRONG_LAST_SEQUENCE) return { kind: 'conflict' }
  if (FULL.has(code)) return { kind: 'full', reason: ack.error.description }
  // 503: no leader, no resources for the moment, or shutting down. The sweep repeats the append.
  if (ack.error.code === 503) return undefined
  return { kind: 'refused', reason: ack.error.description }
}
