import type { Readable } from 'node:stream'
import type { AnswerReader } from './answer.ts'

/**
 * Passes the bytes of a body to the reader of its answer until the answer is over.
 *
 * Invariants: it resolves once, when the body ends or breaks, or when the answer needs no more of
 * it; a connection that stays open after a complete answer delays nothing; an error of the body
 * always has a listener, even after this has resolved.
 */
export function readBody(
  body: Readable,
  reader: AnswerReader,
  call: { onPiece(): void; ended(): boolean },
): Promise<void> {
  return new Promise((resolve) => {
    let grace: NodeJS.Timeout | undefined
    let settled = false
    const settle = (): void => {
      if (settled) return
      settled = true
      clearTimeout(grace)
      reader.end()
      resolve()
      if (reader.broken || call.ended()) body.destroy()
      else leave(body)
    }
    body.on('data', (bytes: Uint8Array) => {
      if (settled) return
      call.onPiece()
      if (!call.ended()) reader.push(bytes)
      if (reader.over || call.ended()) settle()
      else if (reader.finished) {
        // Usage and [DONE] follow a finish reason at once or never.
        clearTimeout(grace)
        grace = setTimeout(settle, FINISH_GRACE_MS)
      }
    })
    body.on('error', settle)
    body.on('end', settle)
    body.on('close', settle)
  })
}

/** Milliseconds that a finished answer waits for its usage. */
const FINISH_GRACE_MS = 1_500
/** Milliseconds; a connection is reused if its body ends within this time. */
const DRAIN_MS = 1_000

/** Discards the rest of a body, and ends a body that does not end. */
function leave(body: Readable): void {
  if (body.destroyed || body.readableEnded) return
  body.resume()
  const timer = setTimeout(() => body.destroy(), DRAIN_MS)
  timer.unref()
  body.once('close', () => clearTimeout(timer))
}
