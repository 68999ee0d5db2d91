/**
 * Streams of JetStream in memory: compare-and-set, duplicate windows and limits.
 *
 * `conformance.ts` compares them with nats-server. Invariants: sequences ascend; a refused append changes
 * nothing.
 */

/** The settings of a stream that matter here, under the names of the API. */
export interface StreamConfig {
  readonly name?: string
  readonly subjects?: readonly string[]
  readonly retention?: string
  readonly max_msgs_per_subject?: number
  readonly discard_new_per_subject?: boolean
  /** Nanoseconds. */
  readonly duplicate_window?: number
  readonly republish?: { readonly src: string; readonly dest: string }
}

/** One stored message. */
export interface Stored {
  readonly seq: number
  readonly subject: string
  readonly data: string
  readonly messageId: string
  readonly atMs: number
  /** The parsed data, once a reader has parsed it. */
  parsed?: unknown
}

/** An error of the API, in the server's form. */
export interface ApiError {
  readonly code: number
  readonly err_code: number
  readonly description: string
}

/** Outcome of an append. */
export type Appended =
  | { readonly kind: 'stored'; readonly message: Stored; readonly duplicate: boolean }
  | { readonly kind: 'refused'; readonly error: ApiError }

/** One stream. */
export interface MemoryStream {
  readonly config: StreamConfig
  readonly messages: Map<number, Stored>
  readonly bySubject: Map<string, number[]>
  readonly ids: Map<string, { readonly seq: number; readonly atMs: number }>
  /** Called for every removed message. */
  readonly removed: Set<(seq: number) => void>
  lastSeq: number
  firstSeq: number
}

/** Creates an empty stream. */
export function createStream(config: StreamConfig): MemoryStream {
  return {
    config,
    messages: new Map(),
    bySubject: new Map(),
    ids: new Map(),
    removed: new Set(),
    lastSeq: 0,
    firstSeq: 1,
  }
}

const WRONG_LAST_SEQUENCE = 10071
const MAXIMUM_PER_SUBJECT = 10077
const NS_PER_MS = 1_000_000

/** Stores a message, or returns the reason why not. */
export function appendTo(
  stream: MemoryStream,
  message: { readonly subject: string; readonly data: string },
  head: { readonly messageId: string; readonly expected: number | undefined },
  nowMs: number,
): Appended {
  const { config, ids } = stream
  const { subject, data } = message
  const { messageId, expected } = head
  const windowMs = (config.duplicate_window ?? 0) / NS_PER_MS
  if (messageId !== '') {
    const known = ids.get(messageId)
    if (known !== undefined && nowMs - known.atMs < windowMs) {
      const stored = { seq: known.seq, subject, data, messageId, atMs: known.atMs }
      return { kind: 'stored', message: stored, duplicate: true }
    }
  }
  const seqs = stream.bySubject.get(subject) ?? []
  const last = seqs.at(-1) ?? 0
  if (expected !== undefined && expected !== last) {
    return refused(WRONG_LAST_SEQUENCE, `wrong last sequence: ${last}`)
  }
  const most = config.max_msgs_per_subject ?? -1
  if (most > 0 && seqs.length >= most) {
    if (config.discard_new_per_subject === true) {
      return refused(MAXIMUM_PER_SUBJECT, 'maximum messages per subject exceeded')
    }
    removeFrom(stream, seqs[0] ?? 0)
  }
  const stored: Stored = { seq: stream.lastSeq + 1, subject, data, messageId, atMs: nowMs }
  stream.lastSeq = stored.seq
  stream.messages.set(stored.seq, stored)
  const own = stream.bySubject.get(subject)
  if (own === undefined) stream.bySubject.set(subject, [stored.seq])
  else own.push(stored.seq)
  if (messageId !== '') ids.set(messageId, { seq: stored.seq, atMs: nowMs })
  return { kind: 'stored', message: stored, duplicate: false }
}

/** Removes one message; false when there is none. */
export function removeFrom(stream: MemoryStream, seq: number): boolean {
  const message = stream.messages.get(seq)
  if (message === undefined) return false
  stream.messages.delete(seq)
  const rest = (stream.bySubject.get(message.subject) ?? []).filter((each) => each !== seq)
  if (rest.length === 0) stream.bySubject.delete(message.subject)
  else stream.bySubject.set(message.subject, rest)
  stream.firstSeq = stream.messages.keys().next().value ?? stream.lastSeq + 1
  for (const tell of stream.removed) tell(seq)
  return true
}

/** Whether a subject matches a filter with `*` and `>`. */
export function matches(filter: readonly string[], tokens: readonly string[]): boolean {
  for (let index = 0; index < filter.length; index += 1) {
    const token = filter[index]
    if (token === '>') return tokens.length > index
    if (index >= tokens.length) return false
    if (token !== '*' && token !== tokens[index]) return false
  }
  return filter.length === tokens.length
}

function refused(errorCode: number, description: string): Appended {
  return { kind: 'refused', error: { code: 400, err_code: errorCode, description } }
}
