import {
  checkBudget,
  costUsd,
  isProviderFault,
  retryAfterOf,
  type Failure,
} from '@agentfleet/domain'
import type { Estimates } from './estimates.ts'
import type { Breakers } from './breakers.ts'
import { endCall, endedOutcome, newTrial, spentOf, type Call, type Trial } from './call.ts'
import type { HeardAnswer } from './stream.ts'
import type { LlmOptions, LlmOutcome } from './llm.ts'
import type { ProviderClient } from './provider-client.ts'
import { closedMsOf, type Entry, type Gate } from '../limits/limiter.ts'
import { candidatesOf, priceOf, type Candidate, type Provider } from './provider.ts'
import type { TenantBudgetKeeper } from '../limits/tenant-budgets.ts'

/** The way of one call: who is asked, what has to allow it, and who is asked when that fails. */

const TOO_MANY_REQUESTS = 429
/** Of one call: after that the attempt fails, and the task comes back with a backoff. */
const REFUSALS_MAX = 3
/** A candidate that is this near is worth waiting for; else one that is free at once goes first. */
const PATIENCE_MS = 1_000
/** A budget's reservation outlives the call itself by this, milliseconds. */
const RESERVATION_SLACK_MS = 1_000

/** A provider with what belongs to it here. */
export interface Line {
  readonly client: ProviderClient
  readonly gate: Gate
}

/** What all calls share. */
export interface Desk extends LlmOptions {
  readonly lines: ReadonlyMap<string, Line>
  readonly breakers: Breakers
  readonly estimates: Estimates
  readonly tenants: TenantBudgetKeeper
  heard(): void
  /** A request has ended other than by being cancelled. */
  ended(throttled: boolean): void
}

/** From candidate to candidate until one answers, or none is left. */
export async function route(call: Call, desk: Desk): Promise<LlmOutcome> {
  const { request } = call
  const all = candidatesOf(desk.providers, [request.model, ...(request.fallbackModels ?? [])])
  if (all.length === 0) return failed(noProvider(request.model, desk.providers))
  const failedAt = new Set<Candidate>()
  let refusals = 0
  let last: Failure | undefined
  for (;;) {
    const choice = choose(
      all.filter((candidate) => !failedAt.has(candidate)),
      call,
      desk,
    )
    if (choice.kind === 'none') return failed(last ?? shut(choice.retryAtMs - desk.nowMs()))
    const { candidate } = choice
    const outcome = await ask(call, candidate, desk)
    if (outcome.kind !== 'failed') return outcome
    const { failure } = outcome
    last = failure
    if (call.ended !== undefined || outcome.begun || !mayFallBack(failure)) return failed(failure)
    const turnedAway = failure.kind === 'status' && failure.status === TOO_MANY_REQUESTS
    if (turnedAway) refusals += 1
    // Turned away for its rate, it may be asked again behind its gate, if nobody else can answer.
    const again = turnedAway && refusals < REFUSALS_MAX && all.length === failedAt.size + 1
    if (!again) failedAt.add(candidate)
  }
}

type Choice =
  | { readonly kind: 'ask'; readonly candidate: Candidate }
  | { readonly kind: 'none'; readonly retryAtMs: number }

/** The first that is free soon, else the one that is free soonest. */
function choose(candidates: readonly Candidate[], call: Call, desk: Desk): Choice {
  const { priority, sinceMs } = call.request
  let retryAtMs = Infinity
  let best: { readonly candidate: Candidate; readonly waitMs: number } | undefined
  for (const candidate of candidates) {
    const opensAtMs = desk.breakers.retryAtMs(candidate)
    if (opensAtMs !== undefined) {
      retryAtMs = Math.min(retryAtMs, opensAtMs)
      continue
    }
    const waitMs = lineOf(candidate, desk).gate.expectedWaitMs(priority, sinceMs)
    if (best === undefined || (best.waitMs > PATIENCE_MS && waitMs < best.waitMs)) {
      best = { candidate, waitMs }
    }
  }
  if (best !== undefined) {
    desk.breakers.asking(best.candidate)
    return { kind: 'ask', candidate: best.candidate }
  }
  return { kind: 'none', retryAtMs: Number.isFinite(retryAtMs) ? retryAtMs : desk.nowMs() }
}

type Asked =
  | Exclude<LlmOutcome, { kind: 'failed' }>
  | { readonly kind: 'failed'; readonly failure: Failure; readonly begun: boolean }

/** Asks one candidate: budget, gate, request, and what follows from its answer. */
async function ask(call: Call, candidate: Candidate, desk: Desk): Promise<Asked> {
  const { request, id } = call
  const { gate } = lineOf(candidate, desk)
  const price = priceOf(candidate)
  const estimated = desk.estimates.of(candidate.as, call.characters, request.outputTokensMax)
  const allowed = checkBudget(request.budget ?? {}, spentOf(request, desk.nowMs()), {
    inputTokens: estimated.inputTokens,
    price,
    outputTokensMax: request.outputTokensMax,
  })
  if (allowed.kind === 'exceeded') return overBudget(call, candidate, allowed.message, desk)
  const { outputTokensMax } = allowed
  const outputTokens = Math.min(estimated.outputTokens, outputTokensMax ?? Infinity)
  const tokens = estimated.inputTokens + outputTokens
  const set = await desk.tenants.reserve(request.tenant, {
    id,
    tokens,
    usd: costUsd(price, { ...estimated, outputTokens }),
    lifetimeMs: desk.waitMs + desk.callMs + RESERVATION_SLACK_MS,
  })
  if (set.kind === 'exceeded') return overBudget(call, candidate, set.message, desk)
  if (set.kind === 'unknown') {
    desk.breakers.settle(candidate, 'nothing')
    return { kind: 'deferred', retryAfterMs: set.retryAfterMs }
  }
  const entry = await enter(call, gate, tokens)
  if (entry.kind !== 'in') {
    desk.tenants.settle(request.tenant, id, undefined)
    desk.breakers.settle(candidate, 'nothing')
    if (entry.kind === 'late') return { kind: 'deferred', retryAfterMs: entry.retryAfterMs }
    return endedOutcome(call) ?? { kind: 'cancelled' }
  }
  const trial = newTrial(call, desk.nowMs(), {
    callMs: desk.callMs,
    firstTokenMs: candidate.provider.firstTokenMs ?? desk.silenceMs,
  })
  const heard = await attempt(call, trial, candidate, outputTokensMax, desk)
  call.trial = undefined
  return conclude(call, candidate, { heard, tokens, begun: trial.begun }, desk)
}

function enter(call: Call, gate: Gate, tokens: number): Promise<Entry> {
  if (call.ended !== undefined) return Promise.resolve({ kind: 'taken-back' })
  const { id, request, patienceMs } = call
  return gate.enter({
    id,
    priority: request.priority,
    sinceMs: request.sinceMs,
    tokens,
    patienceMs,
    onWait: (takeBack) => {
      call.stop = takeBack
    },
  })
}

async function attempt(
  call: Call,
  trial: Trial,
  candidate: Candidate,
  outputTokensMax: number | undefined,
  desk: Desk,
): Promise<HeardAnswer> {
  if (call.ended !== undefined) return { kind: 'failed', failure: CANCELLED }
  const { client, gate } = lineOf(candidate, desk)
  const answer = await client.call({
    request: call.request,
    model: candidate.as,
    outputTokensMax,
    signal: trial.controller.signal,
    onHeaders: (hints) => gate.heard(hints),
    onPiece() {
      trial.heardAtMs = desk.nowMs()
      desk.heard()
    },
    onBegun() {
      trial.begun = true
    },
    onSize(characters) {
      if (characters <= desk.outputBytesMax) return
      const message = `the answer is larger than ${desk.outputBytesMax} bytes`
      endCall(call, { kind: 'output-too-large', message })
    },
    ended: () => call.ended !== undefined || trial.failure !== undefined,
  })
  return trial.failure === undefined ? answer : { kind: 'failed', failure: trial.failure }
}

/** Stands in for the failure of a try whose call was ended; nobody reads it. */
const CANCELLED: Failure = { kind: 'connection', message: 'cancelled' }

/** Settles with gate, breaker and budget what the try has come to. */
function conclude(
  call: Call,
  candidate: Candidate,
  tried: { readonly heard: HeardAnswer; readonly tokens: number; readonly begun: boolean },
  desk: Desk,
): Asked {
  const { heard, tokens, begun } = tried
  const { request, id } = call
  const { gate } = lineOf(candidate, desk)
  const ended = endedOutcome(call)
  if (heard.kind === 'failed' || ended !== undefined) {
    const failure = heard.kind === 'failed' && ended === undefined ? heard.failure : undefined
    const turnedAway = failure?.kind === 'status' && failure.status === TOO_MANY_REQUESTS
    if (failure !== undefined) desk.ended(turnedAway)
    const closedMs = turnedAway ? closedMsOf(retryAfterOf(failure)) : undefined
    gate.leave(id, { reserved: tokens, used: begun ? undefined : 0, closedMs })
    // What a broken answer has cost nobody says: what was set aside stands for it.
    desk.tenants.settle(request.tenant, id, begun ? { tokens, usd: 0 } : undefined)
    const fault = failure !== undefined && isProviderFault(failure) && !turnedAway
    desk.breakers.settle(candidate, fault ? 'failure' : 'nothing')
    if (ended !== undefined) return ended
    return { kind: 'failed', failure: failure ?? CANCELLED, begun }
  }
  desk.ended(false)
  const { answer, usage } = heard
  const cost = costUsd(priceOf(candidate), usage)
  const used = usage.inputTokens + usage.outputTokens
  gate.leave(id, { reserved: tokens, used: used === 0 ? undefined : used, closedMs: undefined })
  desk.tenants.settle(request.tenant, id, { tokens: used, usd: cost ?? 0 })
  desk.estimates.learn(candidate.as, call.characters, usage)
  desk.breakers.settle(candidate, 'success')
  const { provider, model, as } = candidate
  return {
    kind: 'answered',
    answer,
    usage: cost === undefined ? usage : { ...usage, costUsd: cost },
    model,
    by: {
      provider: provider.name,
      model: as,
      ...(cost === undefined ? {} : { prices: provider.pricesVersion }),
    },
  }
}

function overBudget(call: Call, candidate: Candidate, message: string, desk: Desk): Asked {
  desk.breakers.settle(candidate, 'nothing')
  return (
    endedOutcome(call) ?? { kind: 'failed', failure: { kind: 'budget', message }, begun: false }
  )
}

function lineOf({ provider }: Candidate, { lines }: Desk): Line {
  const line = lines.get(provider.name)
  if (line === undefined) throw new Error(`no line to ${provider.name}`)
  return line
}

/** Another provider may do better: this one is ill, or does not know the key or the model. */
function mayFallBack(failure: Failure): boolean {
  if (isProviderFault(failure)) return true
  return failure.kind === 'status' && [401, 402, 403, 404].includes(failure.status)
}

function failed(failure: Failure): LlmOutcome {
  return { kind: 'failed', failure }
}

function shut(retryAfterMs: number): Failure {
  const message = 'every provider of the model failed lately and is left alone for a moment'
  return { kind: 'shut', message, retryAfterMs: Math.max(0, retryAfterMs) }
}

function noProvider(model: string, providers: readonly Provider[]): Failure {
  const names = providers.map(({ name }) => name).join(', ')
  const message =
    providers.length === 0
      ? 'this node has no provider; set OPENAI_API_KEY, OPENAI_BASE_URL or PROVIDERS'
      : `no provider serves the model ${model}; there are ${names}`
  return { kind: 'no-provider', message }
}
