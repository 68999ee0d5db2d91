import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { chooseEnds } from '@agentfleet/domain'
import { networkOf } from './proxies.ts'

/**
 * Ends connections that do not read what was sent to them, whether it is an HTTP answer or the frames of a
 * stream, and knows the answers under way of each connection.
 *
 * Invariant: the gateway serves no request behind an answer after which the connection ends, because the client
 * would never learn what the request has changed (RFC 9112, section 9.6).
 *
 * Invariants (L7): bytes that a client does not take are dropped after TAKE_WITHIN_MS, even if the client sends
 * requests or pings meanwhile, and an HTTP answer that it has not taken completely after ANSWER_WITHIN_MS; a
 * connection has at most ANSWERS_MAX requests without an answer; all connections together keep at most
 * ALL_MAX_BYTES from one sweep to the next, beyond that those with the most unsent bytes end, of the address that
 * holds most. What a trusted proxy has not taken counts for the caller of its last request.
 */
export type SlowReaders = ReturnType<typeof watchSlowReaders>

/**
 * `serve` the request. `refuse` it, because too many requests of its connection have no answer; the connection ends
 * behind the refusal. `ignore` it, because the connection ends behind an earlier answer.
 */
type Arrival = 'serve' | 'refuse' | 'ignore'

/** A gateway under load can write some 100 MB in a second; a sweep takes less than a millisecond. */
export const READERS_INTERVAL_MS = 100
/** A frozen client or a dead link; the kernel's own buffer holds some seconds more, milliseconds. */
const TAKE_WITHIN_MS = 20_000
/** The largest page of a history over a link of 20 kB/s, milliseconds. */
const ANSWER_WITHIN_MS = 240_000
/** Clients that send requests ahead send about ten. */
export const ANSWERS_MAX = 64
/** Half of the memory that a gateway is given. */
const ALL_MAX_BYTES = 256 * 1024 * 1024
/** A client that has not closed its side by then keeps its place no longer, milliseconds. */
const CLOSE_WITHIN_MS = 2_000

interface Reader {
  /** Bytes that the connection had taken when it was last looked at. */
  takenBytes: number
  takenAtMs: number
  /** The time since which there have always been unsent bytes; undefined if there are none. */
  unsentSinceMs: number | undefined
  /** The caller of the last request that a trusted proxy has sent over the connection. */
  address: string | undefined
  /** The connection carries a stream. */
  stream: boolean
  /** The answers under way, in the order of their requests; some may have left. */
  answers: ServerResponse[]
}

/** Watches the connections of this server. */
export function watchSlowReaders(server: Pick<Server, 'on'>, monotonicMs: () => number) {
  const readers = new Map<Socket, Reader>()
  server.on('connection', (socket: Socket) => {
    const reader: Reader = {
      takenBytes: 0,
      takenAtMs: monotonicMs(),
      unsentSinceMs: undefined,
      address: undefined,
      stream: false,
      answers: [],
    }
    readers.set(socket, reader)
    socket.once('close', () => {
      readers.delete(socket)
      closeQueued(reader.answers)
    })
  })
  server.on('upgrade', ({ socket }: IncomingMessage) => {
    const reader = readers.get(socket)
    if (reader !== undefined) reader.stream = true
  })

  return {
    /** Says for each request what to do with it; `address`: that of the caller if a trusted proxy has sent it. */
    check({ socket }: IncomingMessage, response: ServerResponse, address?: string): Arrival {
      const reader = readers.get(socket)
      if (reader === undefined) return 'serve'
      if (address !== undefined) reader.address = address
      const { answers } = reader
      const [first] = answers
      // Most clients wait for each answer before they send the next request.
      if (answers.length === 1 && first?.writableFinished === true && first.shouldKeepAlive) {
        answers[0] = response
        return 'serve'
      }
      if (answers.some(({ shouldKeepAlive }) => !shouldKeepAlive)) {
        // What the client sends from now on stays with it.
        socket.pause()
        return 'ignore'
      }
      const open = answers.filter((each) => !each.writableFinished)
      reader.answers = open
      open.push(response)
      if (open.length <= ANSWERS_MAX) return 'serve'
      endAfter(response, socket)
      return 'refuse'
    },
    /** Calls `next` when the requests that have arrived completely are answered; at once if there are none. */
    afterAnswers(socket: Socket, next: () => void): void {
      const answers = readers.get(socket)?.answers ?? []
      const last = answers.findLast((each) => !each.writableFinished && each.req.complete)
      if (last === undefined) next()
      else last.once('close', next)
    },
    /** The answer to the request of which only a part has arrived. */
    answerUnderWay(socket: Socket): ServerResponse | undefined {
      const last = readers.get(socket)?.answers.at(-1)
      return last?.req.complete === false ? last : undefined
    },
    /** Looks at every connection; call it every READERS_INTERVAL_MS. Returns how many connections it ended. */
    sweep(): number {
      const nowMs = monotonicMs()
      let unsentBytes = 0
      const ended = new Set<Socket>()
      for (const [socket, reader] of readers) {
        if (isStalled(socket, reader, nowMs)) ended.add(socket)
        else unsentBytes += unsentOf(socket, reader)
      }
      if (unsentBytes > ALL_MAX_BYTES) endSlowest(readers, ended, unsentBytes - ALL_MAX_BYTES)
      for (const socket of ended) socket.destroy()
      return ended.size
    },
  }
}

/** Node tells only the answer that is being written that its connection has ended, and none that waits behind it. */
function closeQueued(answers: readonly ServerResponse[]): void {
  for (const answer of answers) {
    if (answer.socket !== null || answer.writableFinished) continue
    answer.destroy()
    answer.emit('close')
  }
}

/** Whether bytes wait, and the connection has taken no byte for too long or not all of them in time. */
function isStalled(socket: Socket, reader: Reader, nowMs: number): boolean {
  if (socket.writableLength === 0) {
    reader.takenAtMs = nowMs
    reader.unsentSinceMs = undefined
    return false
  }
  const takenBytes = socket.bytesWritten - socket.writableLength
  if (takenBytes !== reader.takenBytes) {
    reader.takenBytes = takenBytes
    reader.takenAtMs = nowMs
  }
  reader.unsentSinceMs ??= nowMs
  const late = !reader.stream && nowMs - reader.unsentSinceMs > ANSWER_WITHIN_MS
  return late || nowMs - reader.takenAtMs > TAKE_WITHIN_MS
}

/** Ends the connection behind this answer; the gateway serves no request that the client sends behind this one. */
export function endAfter(response: ServerResponse, socket: Socket): void {
  response.shouldKeepAlive = false
  // Node calls it when the answer has left.
  socket.destroySoon = () => endGently(socket)
}

/** Ends the connection so that a client that still sends can read the last answer. */
export function endGently(socket: Socket, last?: string): void {
  if (last === undefined) socket.end()
  else socket.end(last)
  // The kernel drops answers on their way when a connection ends with unread bytes.
  setTimeout(() => socket.destroy(), CLOSE_WITHIN_MS).unref()
}

/** Adds connections of the address that holds most, until these bytes are free. */
function endSlowest(readers: ReadonlyMap<Socket, Reader>, ended: Set<Socket>, bytes: number): void {
  const others = [...readers].filter(([socket]) => !ended.has(socket))
  const places = others.map(([socket, reader]) => ({
    socket,
    owner: reader.address ?? networkOf(socket.remoteAddress ?? ''),
    bytes: unsentOf(socket, reader),
  }))
  for (const { socket } of chooseEnds(places, bytes)) ended.add(socket)
}

/** The bytes that the socket has not taken, and those of answers that wait for an earlier answer. */
function unsentOf(socket: Socket, { answers }: Reader): number {
  let bytes = socket.writableLength
  if (answers.length < 2) return bytes
  for (const answer of answers) if (answer.socket === null) bytes += answer.writableLength
  return bytes
}
