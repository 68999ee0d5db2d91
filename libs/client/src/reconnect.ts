import type { ErrorFrame, ServerFrame } from '@agentfleet/protocol'
import { setTimeout as delay } from 'node:timers/promises'
import { ClientError } from './error.ts'
import type { RequestOptions } from './request.ts'
import { openStream, type Endpoint, type Stream } from './stream.ts'

/** Options of a follower; its signal ends it with the signal's reason. */
export interface FollowOptions extends RequestOptions {
  /** Called when a connection broke or could not be opened, once until a connection works again. */
  readonly onAway?: (error: ClientError) => void
}

const RECONNECT_MIN_MS = 100
/** A longer wait needs a person; a timer of days would run at once. */
const ASKED_MAX_S = 300
/** Long enough not to overload a gateway that starts, short enough for a person who waits. */
const RECONNECT_MAX_MS = 5_000
/** Refusals that a later connection may not get. */
const PASSING = new Set([0, 429, 502, 503, 504])

/**
 * The frames of one connection after the other, until the reader leaves. `subscribe` runs on each new connection. Throws
 * the ClientError of a connection if a later one would get it again, or if no connection works for `awayMaxMs`.
 */
export async function* framesOf(
  endpoint: Endpoint,
  { signal, onAway, awayMaxMs = Infinity }: FollowOptions & { readonly awayMaxMs?: number },
  subscribe: (stream: Stream) => void,
): AsyncGenerator<ServerFrame, void, void> {
  let failures = 0
  let awaySinceMs: number | undefined
  for (;;) {
    let askedS: number | undefined
    signal?.throwIfAborted()
    const stream = openStream(endpoint, signal)
    try {
      await stream.opened
      subscribe(stream)
      for await (const frame of stream.frames()) {
        failures = 0
        awaySinceMs = undefined
        yield frame
      }
    } catch (error) {
      if (!(error instanceof ClientError) || !PASSING.has(error.status)) throw error
      askedS = error.retryAfterS
      if (awaySinceMs === undefined) onAway?.(error)
      awaySinceMs ??= performance.now()
      if (performance.now() - awaySinceMs > awayMaxMs) throw error
    } finally {
      stream.close()
    }
    failures += 1
    await pauseAfter(failures, signal, askedS)
  }
}

/** A refusal of the stream as an error. */
export function refused({ code, detail }: ErrorFrame): ClientError {
  return new ClientError({
    type: `urn:agentfleet:problem:${code}`,
    title: 'The stream refused the subscription',
    status: 400,
    detail,
    code,
  })
}

/**
 * Waits as long as the gateway has asked for, or longer. Half of the pause is random, so that the clients of a restarted
 * gateway do not return all at once.
 */
async function pauseAfter(
  failures: number,
  signal: AbortSignal | undefined,
  askedS = 0,
): Promise<void> {
  const fullMs = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** Math.min(failures, 10))
  const ms = fullMs / 2 + (Math.random() * fullMs) / 2 + Math.min(ASKED_MAX_S, askedS) * 1_000
  // An abort ends the pause; the caller then throws the reason.
  await delay(ms, undefined, signal ? { signal } : {}).catch(() => undefined)
}
