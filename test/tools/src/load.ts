import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * A load generator that costs a few microseconds a request, so that it measures the servers and not itself:
 * prepared requests over kept-alive sockets, one at a time on each, and just enough of HTTP/1.1 to read
 * answers that state their length.
 *
 * A connection's states: connecting → idle ⇄ waiting, and closed. Invariants: every request counts once, as
 * answered or as failed; a run ends at its deadline even when answers never arrive.
 */

/** The target of the load and its requests, byte by byte. */
export interface LoadTarget {
  readonly host: string
  readonly port: number
  readonly request: Buffer
}

/** Results of a run. */
export interface LoadResult {
  /** Answers 200 with a completed task, in total. */
  readonly answered: number
  readonly failed: number
  readonly firstFailure: string | undefined
  /** Good answers a second within the time measured. */
  readonly perSecond: number
  /** Ascending, milliseconds, of all good answers. */
  readonly latenciesMs: Float64Array
  /** Open loop: requests that could not be sent when they were due. */
  readonly late: number
}

/** Longest wait for answers after the last request, milliseconds. */
const DRAIN_WITHIN_MS = 60_000
/** A connection that breaks more often than this has no server at the other end. */
const RECONNECTS_MAX = 20
/** Answers are awaited with looks this often, milliseconds. */
const POLL_MS = 5
/** A request that is sent this much late counts from the time it was due, milliseconds. */
const LATE_MS = 2
const HEAD_END = Buffer.from('\r\n\r\n')
const GOOD_STATE = Buffer.from('"state":"completed"')
/** Room for latencies at the start; doubled when full. */
const LATENCIES_START = 65_536

/** The bytes of a POST with a JSON body. */
export function postRequest(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): LoadTarget {
  const { hostname, port, pathname, host } = new URL(url)
  const json = JSON.stringify(body)
  const all = {
    host,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(json)),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const request = Buffer.from(`POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n${json}`)
  return { host: hostname, port: Number(port), request }
}

/** This many callers, each sending its next request when the last is answered. */
export function closedLoop(
  target: LoadTarget,
  options: { readonly callers: number; readonly seconds: number },
): Promise<LoadResult> {
  const run = createRun(options.seconds)
  const lines = Array.from({ length: options.callers }, () =>
    openLine(target, (outcome) => {
      run.note(outcome)
      return performance.now() < run.endsAt
    }),
  )
  for (const line of lines) line.send(performance.now())
  return run.finished(lines)
}

/** Requests at a steady rate, whether or not the earlier ones are answered. */
export async function openLoop(
  target: LoadTarget,
  options: {
    readonly perSecond: number
    readonly seconds: number
    readonly connectionsMax: number
  },
): Promise<LoadResult> {
  const { perSecond, seconds, connectionsMax } = options
  const run = createRun(seconds)
  const lines: Line[] = []
  const idle: Line[] = []
  const total = Math.round(perSecond * seconds)
  const startedAt = performance.now()
  let sent = 0
  const send = (dueAt: number): void => {
    const now = performance.now()
    const since = now - dueAt > LATE_MS ? dueAt : now
    if (since === dueAt) run.noteLate()
    let line = idle.pop()
    if (line === undefined) {
      if (lines.length >= connectionsMax) {
        run.note({ kind: 'failed', reason: `${connectionsMax} requests unanswered` })
        return
      }
      const opened: Line = openLine(target, (outcome) => {
        run.note(outcome)
        idle.push(opened)
        return false
      })
      line = opened
      lines.push(line)
    }
    line.send(since)
  }
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const dueNow = Math.min(total, ((performance.now() - startedAt) * perSecond) / 1000)
      for (; sent < dueNow; sent += 1) send(startedAt + (sent * 1000) / perSecond)
      if (sent < total) setTimeout(tick, 1)
      else resolve()
    }
    tick()
  })
  return run.finished(lines)
}

type LineOutcome =
  | { readonly kind: 'answered'; readonly ms: number }
  | { readonly kind: 'failed'; readonly reason: string }

/** Counts outcomes and ends when all connections are idle. */
function createRun(seconds: number) {
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1000
  let latencies = new Float64Array(LATENCIES_START)
  let answered = 0
  let inTime = 0
  let failed = 0
  let late = 0
  let firstFailure: string | undefined
  return {
    endsAt,
    noteLate() {
      late += 1
    },
    note(outcome: LineOutcome) {
      if (outcome.kind === 'failed') {
        failed += 1
        firstFailure ??= outcome.reason
        return
      }
      if (answered === latencies.length) {
        const grown = new Float64Array(answered * 2)
        grown.set(latencies)
        latencies = grown
      }
      latencies[answered] = outcome.ms
      answered += 1
      if (performance.now() <= endsAt) inTime += 1
    },
    async finished(lines: readonly Line[]): Promise<LoadResult> {
      const deadline = endsAt + DRAIN_WITHIN_MS
      while (performance.now() < endsAt || lines.some((line) => line.waiting())) {
        if (performance.now() > deadline) break
        await delay(POLL_MS)
      }
      const unanswered = lines.filter((line) => line.waiting()).length
      for (const line of lines) line.close()
      return {
        answered,
        failed: failed + unanswered,
        firstFailure: firstFailure ?? (unanswered > 0 ? 'never answered' : undefined),
        perSecond: inTime / seconds,
        latenciesMs: latencies.slice(0, answered).sort(),
        late,
      }
    },
  }
}

interface Line {
  send(sinceMs: number): void
  waiting(): boolean
  close(): void
}

/** One connection; `done` says whether the next request is to follow at once. */
function openLine(target: LoadTarget, done: (outcome: LineOutcome) => boolean): Line {
  let socket: Socket | undefined
  let closed = false
  let reconnects = 0
  let waiting = false
  let since = 0
  let received: Buffer | undefined

  const settle = (outcome: LineOutcome): void => {
    waiting = false
    received = undefined
    if (done(outcome) && !closed) send(performance.now())
  }
  const onData = (chunk: Buffer): void => {
    received = received === undefined ? chunk : Buffer.concat([received, chunk])
    const answer = readAnswer(received)
    if (answer === undefined || !waiting) return
    const ms = performance.now() - since
    settle(answer === 'good' ? { kind: 'answered', ms } : { kind: 'failed', reason: answer })
  }
  const onClose = (): void => {
    socket = undefined
    if (closed || !waiting) return
    reconnects += 1
    if (reconnects > RECONNECTS_MAX) closed = true
    settle({ kind: 'failed', reason: 'connection lost' })
  }
  const open = (): Socket => {
    const made = connect({ host: target.host, port: target.port, noDelay: true })
    made.on('data', onData)
    // An error appears as the close that follows.
    made.on('error', () => undefined)
    made.on('close', onClose)
    return made
  }
  const send = (sinceMs: number): void => {
    since = sinceMs
    waiting = true
    socket ??= open()
    socket.write(target.request)
  }
  return {
    send,
    waiting: () => waiting && !closed,
    close() {
      closed = true
      socket?.destroy()
    },
  }
}

/** Undefined until the answer is complete; then `good`, or its fault. */
function readAnswer(received: Buffer): string | undefined {
  const headEnd = received.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = received.toString('latin1', 0, headEnd)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)
  if (length === null) return 'an answer without content-length'
  const bodyStart = headEnd + HEAD_END.length
  if (received.length < bodyStart + Number(length[1])) return undefined
  if (head.startsWith('HTTP/1.1 200') && received.indexOf(GOOD_STATE, bodyStart) > 0) return 'good'
  return `${head.slice(9, 12)} ${received.toString('utf8', bodyStart, bodyStart + 200)}`
}
