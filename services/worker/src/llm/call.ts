import type { CallTimes, Failure, Spent } from '@agentfleet/domain'
import type { LlmRequest } from './request.ts'

/**
 * An LLM call and its present provider request. A call ends once, at its limits or from outside; a
 * provider request may end alone, and the call continues with another provider.
 */
export interface Call {
  readonly request: LlmRequest
  readonly id: string
  /** When the run asked for it. */
  readonly startedAtMs: number
  /** The number of characters sent. */
  readonly characters: number
  /** The call gives up its slot instead of waiting longer than this, in milliseconds. */
  readonly patienceMs: number
  /** Ends the present wait or request. */
  stop: () => void
  /** The present provider request; limits apply to its duration and its silences. */
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
  /** When the first piece of the answer arrived. */
  begunAtMs: number | undefined
  /** Why the request ended; the call may continue with another provider. */
  failure: Failure | undefined
}

/** How an ended call ends. */
type EndedCall =
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly begun: boolean }

/** Creates a call that has not begun. */
export function newCall(
  request: LlmRequest,
  id: string,
  startedAtMs: number,
  patienceMs: number,
): Call {
  return {
    request,
    id,
    startedAtMs,
    characters: charactersOf(request),
    patienceMs,
    stop: () => undefined,
    sent: undefined,
    ended: undefined,
  }
}

/** Begins a provider request. */
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

/** Ends a call or request that has exceeded its limits. */
export function sweepCall(call: Call, now: number, silenceMs: number): void {
  const { sent, request } = call
  if (now >= request.deadlineAtMs) {
    endCall(call, { kind: 'deadline', message: 'the task reached its deadline during an LLM call' })
    return
  }
  if (sent === undefined || sent.failure !== undefined) return
  const silence = sent.begun ? silenceMs : sent.firstTokenMs
  if (now >= sent.endAtMs) {
    sent.failure = { kind: 'timeout', message: 'the LLM call exceeded LLM_CALL_TIMEOUT_MS' }
  } else if (now - sent.heardAtMs >= silence) {
    sent.failure = { kind: 'timeout', message: `the provider was silent for ${silence} ms` }
  } else {
    return
  }
  sent.controller.abort()
}

/** Ends a call with its present wait or request. */
export function endCall(call: Call, ended: Failure | 'cancelled'): void {
  call.ended ??= ended
  call.stop()
}

/** Returns how the call ends if it was ended. */
export function endedOutcome({ ended }: Call): EndedCall | undefined {
  if (ended === undefined) return undefined
  if (ended === 'cancelled') return { kind: 'cancelled' }
  return { kind: 'failed', failure: ended, begun: true }
}

/** Returns the characters of the prompt; providers add a few tokens for each message. */
function charactersOf({ messages, tools, responseSchema }: LlmRequest): number {
  let characters = 0
  for (const message of messages) characters += message.content?.length ?? 0
  for (const { function: offer } of tools) characters += offer.description.length
  return characters + (responseSchema === undefined ? 0 : JSON.stringify(responseSchema).length)
}

/** Returns what the task had used before this call. */
export function spentOf({ spent, sinceMs }: LlmRequest, nowMs: number): Spent {
  return {
    tokens: spent.inputTokens + spent.outputTokens,
    usd: spent.costUsd ?? 0,
    turns: spent.llmCalls,
    wallMs: nowMs - sinceMs,
  }
}

/** Returns when the call was made, in whole milliseconds: the log keeps these figures for every call. */
export function timesOf(
  { startedAtMs }: Pick<Call, 'startedAtMs'>,
  sentAtMs: number,
  begunAtMs: number,
): CallTimes {
  const waitedMs = Math.round(sentAtMs - startedAtMs)
  return {
    startedAtMs: Math.round(startedAtMs),
    ...(waitedMs > 0 ? { waitedMs } : {}),
    firstTokenMs: Math.max(0, Math.round(begunAtMs - sentAtMs)),
  }
}
