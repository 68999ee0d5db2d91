import type { Readable } from 'node:stream'
import type { AnswerReader } from '../answer/answer.ts'
import { DecodedBody, decodedBody, mayBeCompressed } from './decode.ts'

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
    let first = true
    let grace: NodeJS.Timeout | undefined
    let settled = false
    let over = false
    let sizeAtFinish = 0
    const detach = (): void =>
      void body.off('data', hear).off('error', settle).off('end', settle).off('close', settle)
    const settle = (): void => {
      if (settled) return
      settled = true
      clearTimeout(grace)
      detach()
      reader.end(body instanceof DecodedBody ? body.problem : undefined)
      resolve()
      if (reader.broken || call.ended()) body.destroy()
      else leave(body)
    }
    const wait = (ms: number): void => {
      clearTimeout(grace)
      grace = setTimeout(settle, ms)
    }
    const hear = (bytes: Uint8Array): void => {
      call.onPiece()
      if (first && !(body instanceof DecodedBody) && mayBeCompressed(bytes)) {
        // A proxy has compressed it without a word in the headers.
        detach()
        body.pause()
        body.unshift(bytes)
        resolve(readBody(decodedBody(body, []), reader, call))
        return
      }
      first = false
      if (!call.ended()) reader.push(bytes)
      if (reader.broken || call.ended()) settle()
      else if (reader.over) {
        if (!over) wait(END_GRACE_MS)
        over = true
      } else if (!reader.finished) {
        clearTimeout(grace)
        grace = undefined
      } else if (grace === undefined || reader.size > sizeAtFinish) {
        // Signs of life behind a complete answer do not prolong it.
        sizeAtFinish = reader.size
        wait(FINISH_GRACE_MS)
      }
    }
    body.on('data', hear).on('error', settle).on('end', settle).on('close', settle)
  })
}

/**
 * Milliseconds that the reader of a finished answer waits for usage and [DONE]: a provider sends them at once or
 * never.
 */
const FINISH_GRACE_MS = 1_500
/**
 * Milliseconds that a complete answer waits for the end of its body. Nearly every body ends at
 * once; a next call that begins before that, inside an event of this body, keeps the whole call in
 * memory.
 */
const END_GRACE_MS = 20
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
