import type { Failure, Spent } from '@agentfleet/domain'
import type { LlmRequest } from './request.ts'

/**
 * A call under way and the try it stands in. A call is ended once, by its limits or from outside; a try
 * may be ended alone, and the call goes on with another provider.
 */
export interface Call {
  readonly request: LlmRequest
  readonly id: string
  /** Characters of what is sent. */
  readonly characters: number
  /** Its slot is given back rather than held for a longer wait. */
  readonly patienceMs: number
  /** Ends what is under way: a wait or a request. */
  stop: () => void
  /** The try under way: no answer may last longer, or keep silent longer. */
  sent: ProviderRequest | undefined
  ended: Failure | 'cancelled' | undefined
}

/** One request to one provider. */
export interface ProviderRequest {
  readonly controller: AbortController
  readonly endAtMs: number
  readonly firstTokenMs: number
  heardAtMs: number
  begun: boolean
  readonly sentAtMs: number
  /** When the first piece of the answer came. */
  begunAtMs: number | undefined
  /** Why it was ended; the call may go on elsewhere. */
  failure: Failure | undefined
}

/** How an ended call ends. */
export type EndedCall =
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly begun: boolean }

/** A call that has not begun. */
export function newCall(request: LlmRequest, id: string, patienceMs: number): Call {
  return {
    request,
    id,
    characters: charactersOf(request),
    patienceMs,
    stop: () => undefined,
    sent: undefined,
    ended: undefined,
  }
}

/** Begins a try. */
export function newProviderRequest(
  call: Call,
  now: number,
  limits: { readonly callMs: number; readonly firstTokenMs: number },
): ProviderRequest {
  const sent: ProviderRequest = {
    controller: new AbortController(),
    endAtMs: now + limits.callMs,
    firstTokenMs: limits.firstTokenMs,
    heardAtMs: now,
    begun: false,
    sentAtMs: now,
    begunAtMs: undefined,
    failure: undefined,
  }
  call.sent = sent
  call.stop = () => sent.controller.abort()
  return sent
}

/** Ends what is past its limits. */
export function sweepCall(call: Call, now: number, silenceMs: number): void {
  const { sent, request } = call
  if (now >= request.deadlineAtMs) {
    endCall(call, { kind: 'deadline', message: 'the task is out of time' })
    return
  }
  if (sent === undefined || sent.failure !== undefined) return
  const silence = sent.begun ? silenceMs : sent.firstTokenMs
  if (now >= sent.endAtMs) {
    sent.failure = { kind: 'timeout', message: 'the LLM call took too long' }
  } else if (now - sent.heardAtMs >= silence) {
    sent.failure = { kind: 'timeout', message: `the provider was silent for ${silence} ms` }
  } else {
    return
  }
  sent.controller.abort()
}

/** Ends a call and whatever it is in. */
export function endCall(call: Call, ended: Failure | 'cancelled'): void {
  call.ended ??= ended
  call.stop()
}

/** How the call ends if it was ended. */
export function endedOutcome({ ended }: Call): EndedCall | undefined {
  if (ended === undefined) return undefined
  if (ended === 'cancelled') return { kind: 'cancelled' }
  return { kind: 'failed', failure: ended, begun: true }
}

/** What the prompt is made of; providers count a few tokens more for each message. */
function charactersOf({ messages, tools, responseSchema }: LlmRequest): number {
  let characters = 0
  for (const message of messages) characters += message.content?.length ?? 0
  for (const { function: offer } of tools) characters += offer.description.length
  return characters + (responseSchema === undefined ? 0 : JSON.stringify(responseSchema).length)
}

/** What the task has used before this call. */
export function spentOf({ spent, sinceMs }: LlmRequest, nowMs: number): Spent {
  return {
    tokens: spent.inputTokens + spent.outputTokens,
    usd: spent.costUsd ?? 0,
    turns: spent.llmCalls,
    wallMs: nowMs - sinceMs,
  }
}
