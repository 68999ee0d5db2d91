/**
 * Sends the frames of one answer at their times, on the shared wheel.
 *
 * States: playing -> (ended | dropped) -> closed, closed being the response's own `close` event.
 * P1 at most `clientBufferBytesMax` and one write wait for a client; a stream whose client does not read
 *    pauses, and is dropped after `clientStallMs` without having been drained.
 * P2 every answer closes: played to its end, cut, abandoned by its client, or dropped as stalled.
 */
import type { ServerResponse } from 'node:http'
import type { CallOutcome } from '../counting/ledger.ts'
import type { SimulatorSettings } from '../settings/settings.ts'
import type { Tail } from './quirks.ts'
import { createAlarm, type Wheel } from './wheel.ts'

/** An answer and its times. */
export interface Plan {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** One frame for each token; the returned text is sent together with the ending. */
  readonly frames: Iterator<string, Tail>
  readonly firstAtMs: number
  readonly frameMs: number
  /** `cut` breaks the connection after the last frame; `end` ends the answer properly. */
  readonly ending: 'end' | 'cut'
  /** Whether an answer that was played to its end counts as whole. */
  readonly whole: boolean
}

/** The outcome of an answer. */
interface Played {
  readonly outcome: CallOutcome
  readonly framesSent: number
  readonly stalled: boolean
}

/** Frames joined into one write when many are due; 256 frames are about 60 kB. */
const FRAMES_PER_WRITE_MAX = 256

/** Plays a plan into a response and calls back once it is closed. */
export function play(
  response: ServerResponse,
  plan: Plan,
  wheel: Wheel,
  settings: () => SimulatorSettings,
  onClosed: (played: Played) => void,
): void {
  const alarm = createAlarm(ring)
  let framesSent = 0
  let state: 'playing' | 'ended' | 'dropped' = 'playing'
  let stallAtMs: number | undefined

  function ring(): void {
    if (response.destroyed) return
    if (state !== 'playing') drop() // The client has not read the last bytes yet (P1).
    else if (response.writableLength > settings().clientBufferBytesMax) pause()
    else send()
  }

  function pause(): void {
    const nowMs = wheel.nowMs()
    stallAtMs ??= nowMs + settings().clientStallMs
    if (nowMs >= stallAtMs) drop()
    else wheel.arm(alarm, nowMs + settings().writeIntervalMs)
  }

  function drop(): void {
    state = 'dropped'
    response.destroy()
  }

  function send(): void {
    stallAtMs = undefined
    const nowMs = wheel.nowMs()
    let text = ''
    for (let taken = 0; taken < FRAMES_PER_WRITE_MAX; taken += 1) {
      if (nextAtMs() > nowMs) break
      const next = plan.frames.next()
      if (next.done === true) return finish(text + (next.value ?? ''))
      framesSent += 1
      text += next.value
    }
    if (!response.headersSent) response.writeHead(plan.status, plan.headers)
    response.write(text)
    wheel.arm(alarm, Math.max(nextAtMs(), nowMs + settings().writeIntervalMs))
  }

  function nextAtMs(): number {
    return plan.firstAtMs + framesSent * plan.frameMs
  }

  function finish(text: string): void {
    state = 'ended'
    wheel.arm(alarm, wheel.nowMs() + settings().clientStallMs) // P2
    if (plan.ending === 'cut' && framesSent === 0) return void response.destroy()
    if (!response.headersSent) response.writeHead(plan.status, plan.headers)
    if (plan.ending === 'end') response.end(text)
    else response.write(text, () => response.destroy())
  }

  response.once('close', () => {
    wheel.disarm(alarm)
    const stalled = state === 'dropped'
    const broken = stalled || (state === 'ended' && (plan.ending === 'cut' || !plan.whole))
    const played = response.writableFinished ? 'finished' : 'aborted'
    onClosed({ outcome: broken ? 'failed' : played, framesSent, stalled })
  })
  wheel.arm(alarm, plan.firstAtMs)
}
