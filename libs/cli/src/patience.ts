import { setTimeout as delay } from 'node:timers/promises'
import { ClientError } from '@agentfleet/client'
import { duration } from '@agentfleet/domain'
import type { Context } from './command.ts'

/** A gateway that restarts is back within seconds; a longer absence needs a person, milliseconds. */
export const AWAY_MAX_MS = 300_000
const PAUSE_MIN_MS = 250
const PAUSE_MAX_MS = 5_000
/** The client wraps the error of fetch, and fetch wraps the error of the system. */
const CAUSES_MAX = 4
/** Errors of a connection that was open: the gateway may have received the request. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT'])

type Patient = Pick<Context, 'nowMs' | 'note' | 'signal'>

/**
 * Sends a request again and again while the gateway is away, for AWAY_MAX_MS; only for requests that are safe to
 * repeat, of a command that a gateway has answered before.
 */
export async function patiently<T>(
  { nowMs, note, signal }: Patient,
  request: () => Promise<T>,
  { awayMaxMs = AWAY_MAX_MS, pauseMinMs = PAUSE_MIN_MS } = {},
): Promise<T> {
  let awaySinceMs: number | undefined
  for (let failures = 0; ; failures += 1) {
    try {
      return await request()
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error
      awaySinceMs ??= nowMs()
      const leftMs = awaySinceMs + awayMaxMs - nowMs()
      if (leftMs <= 0) throw error
      if (failures === 0) note(awayNote(error, awayMaxMs))
      const pauseMs = Math.min(PAUSE_MAX_MS, pauseMinMs * 2 ** Math.min(failures, 10))
      const askedMs = (error.retryAfterS ?? 0) * 1_000
      await delay(Math.min(leftMs, Math.max(pauseMs, askedMs)), undefined, { signal })
    }
  }
}

/** What a person reads as soon as the gateway is away. */
export function awayNote({ problem }: ClientError, awayMaxMs: number): string {
  return `${problem.title}. Trying again for at most ${duration(awayMaxMs)}.`
}

/** The same for a command that ends only when its user stops it. */
export function restNote({ problem }: ClientError): string {
  return `${problem.title}. The command tries again until Ctrl-C.`
}

/** Whether the same request may succeed later: no answer, too many requests, or a gateway that cannot answer now. */
export function mayPass(error: unknown): error is ClientError {
  return (
    error instanceof ClientError &&
    (error.status === 0 || error.status === 429 || error.status >= 500)
  )
}

/**
 * Sends a request whose idempotency key only this command knows: if its user repeated the command, the gateway could do the
 * same twice. So the command itself repeats the request while it is unknown what came of it.
 */
export async function withOwnKey<T>(context: Patient, request: () => Promise<T>): Promise<T> {
  try {
    return await request()
  } catch (error) {
    if (!isLost(error) && !isUncertain(error)) throw error
    return await patiently(context, request)
  }
}

/** Whether the gateway itself does not know whether it has done what the request asks for. */
function isUncertain(error: unknown): boolean {
  return error instanceof ClientError && error.problem.code === 'outcome-unknown'
}

/** Whether the answer of a request is missing although the gateway may have received the request. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof ClientError) || error.status !== 0) return false
  let cause: unknown = error.cause
  for (let depth = 0; depth < CAUSES_MAX && cause instanceof Error; depth += 1) {
    if ('code' in cause && BROKEN.has(String(cause.code))) return true
    cause = cause.cause
  }
  return false
}
