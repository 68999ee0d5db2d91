import {
  checkBudget,
  classifyFailure,
  costUsd,
  isProviderFault,
  type CalledBy,
  type Failure,
} from '@agentfleet/domain'
import type { Estimates } from './estimates.ts'
import type { Breakers } from './breakers.ts'
import {
  endCall,
  endedOutcome,
  newProviderRequest,
  spentOf,
  timesOf,
  type Call,
  type ProviderRequest,
} from './call.ts'
import type { LlmOptions, LlmOutcome } from './request.ts'
import type { HeardAnswer } from '../provider/answer/conclusion.ts'
import type { ProviderClient } from '../provider/client.ts'
import { RETRY_AFTER_UNKNOWN_MS, type Entry, type Left, type Limiter } from '../limits/limiter.ts'
import type { ProviderFigures } from './figures.ts'
import type { Limiters } from './limiters.ts'
import { candidatesOf, nameOf, priceOf, type Candidate } from './provider.ts'
import { noProvider, shut } from './unavailable.ts'
import type { TenantBudgetKeeper } from '../limits/tenant-budgets.ts'

/** The path of one call: which candidate is asked, what must allow it, and which one follows a failure. */

const TOO_MANY_REQUESTS = 429
/** Refusals of one call; after that the attempt fails and the task is retried with a backoff. */
const REFUSALS_MAX = 3
/**
 * Milliseconds. A preferred candidate that is free this soon is worth waiting for; otherwise a
 * candidate that is free now goes first.
 */
const PATIENCE_MS = 1_000
/** Milliseconds by which a budget reservation outlives its call. */
const RESERVATION_SLACK_MS = 1_000

/** What all calls of a node share. */
export interface LlmContext extends LlmOptions {
  /** By the name of the provider. */
  readonly clients: ReadonlyMap<string, ProviderClient>
  readonly limiters: Limiters
  readonly breakers: Breakers
  readonly estimates: Estimates
  readonly tenants: TenantBudgetKeeper
  readonly figures: ProviderFigures
  heard(): void
  /** Called when a request has ended without being cancelled. */
  ended(throttled: boolean): void
}

/** Asks one candidate after another until a candidate answers or no candidate is left. */
export async function route(call: Call, context: LlmContext): Promise<LlmOutcome> {
  const { request } = call
  const all = candidatesOf(context.providers, [request.model, ...(request.fallbackModels ?? [])])
  if (all.length === 0) return failed(noProvider(request.model, context.providers))
  const failedAt = new Set<Candidate>()
  let refusals = 0
  let last: Failure | undefined
  for (;;) {
    const choice = choose(
      all.filter((candidate) => !failedAt.has(candidate)),
      call,
      context,
    )
    if (choice.kind === 'none') {
      // A provider that was not asked may answer later what others refused.
      const unasked = failedAt.size < all.length
      if (last !== undefined && (classifyFailure(last).retryable || !unasked)) return failed(last)
      return failed(shut(all, choice.retryAtMs, context))
    }
    const { candidate } = choice
    const outcome = await ask(call, candidate, context)
    if (outcome.kind !== 'failed') return outcome
    const failure = withSource(outcome.failure, candidate)
    last = last === undefined ? failure : toldFailure(last, failure)
    if (call.ended !== undefined || outcome.begun || !mayFallBack(failure)) {
      const { partial } = outcome
      return partial === undefined ? failed(failure) : { kind: 'failed', failure, partial }
    }
    const turnedAway = failure.kind === 'status' && failure.status === TOO_MANY_REQUESTS
    if (turnedAway) refusals += 1
    // A candidate that refused for its rate may be asked again behind its limiter if no other can answer.
    const again = turnedAway && refusals < REFUSALS_MAX && all.length === failedAt.size + 1
    if (!again) failedAt.add(candidate)
  }
}

type Choice =
  | { readonly kind: 'ask'; readonly candidate: Candidate }
  | { readonly kind: 'none'; readonly retryAtMs: number }

/** Chooses the first candidate that is free soon, otherwise the one that is free earliest. */
function choose(candidates: readonly Candidate[], call: Call, context: LlmContext): Choice {
  let retryAtMs = Infinity
  let best: { readonly candidate: Candidate; readonly waitMs: number } | undefined
  for (const candidate of candidates) {
    const opensAtMs = context.breakers.retryAtMs(candidate)
    if (opensAtMs !== undefined) {
      retryAtMs = Math.min(retryAtMs, opensAtMs)
      continue
    }
    const waitMs = Math.max(
      ...limitersOf(candidate, call, context).map((limiter) =>
        limiter.expectedWaitMs(call.request),
      ),
    )
    if (best === undefined || (best.waitMs > PATIENCE_MS && waitMs < best.waitMs)) {
      best = { candidate, waitMs }
    }
  }
  if (best !== undefined) {
    context.breakers.asking(call.request.tenant, best.candidate)
    return { kind: 'ask', candidate: best.candidate }
  }
  return { kind: 'none', retryAtMs: Number.isFinite(retryAtMs) ? retryAtMs : context.nowMs() }
}

type Asked =
  | Exclude<LlmOutcome, { kind: 'failed' }>
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      readonly begun: boolean
      readonly partial?: string
    }

/** Asks one candidate: budget, limiter, request, and the handling of its answer. */
async function ask(call: Call, candidate: Candidate, context: LlmContext): Promise<Asked> {
  const { request, id } = call
  const price = priceOf(candidate)
  const estimated = context.estimates.of(candidate.as, call.characters, request.outputTokensMax)
  const allowed = checkBudget(request.budget ?? {}, spentOf(request, context.nowMs()), {
    inputTokens: estimated.inputTokens,
    model: nameOf(candidate),
    price,
    outputTokensMax: request.outputTokensMax,
  })
  if (allowed.kind === 'exceeded') {
    const kind = allowed.reason === 'no-price' ? 'no-price' : 'budget'
    return overBudget(call, candidate, { kind, message: allowed.message }, context)
  }
  const { outputTokensMax } = allowed
  const outputTokens = Math.min(estimated.outputTokens, outputTokensMax ?? Infinity)
  const tokens = estimated.inputTokens + outputTokens
  const set = await context.tenants.reserve(request.tenant, {
    id,
    tokens,
    usd: costUsd(price, { ...estimated, outputTokens }),
    model: nameOf(candidate),
    lifetimeMs: context.waitMs + context.callMs + RESERVATION_SLACK_MS,
  })
  if (set.kind === 'budget' || set.kind === 'no-price') {
    return overBudget(call, candidate, set, context)
  }
  if (set.kind === 'unknown') {
    context.breakers.settle(request.tenant, candidate, 'nothing')
    return { kind: 'deferred', retryAfterMs: set.retryAfterMs }
  }
  const entry = await enterAll(call, limitersOf(candidate, call, context), tokens)
  if (entry.kind !== 'in') {
    context.tenants.settle(request.tenant, id)
    context.breakers.settle(request.tenant, candidate, 'nothing')
    if (entry.kind === 'late') return { kind: 'deferred', retryAfterMs: entry.retryAfterMs }
    return endedOutcome(call) ?? { kind: 'cancelled' }
  }
  const sent = newProviderRequest(call, context.nowMs(), {
    callMs: context.callMs,
    firstTokenMs: candidate.provider.firstTokenMs ?? context.firstTokenMs,
  })
  const heard = await attempt(call, sent, candidate, outputTokensMax, context)
  call.sent = undefined
  return conclude(call, candidate, { heard, tokens, sent }, context)
}

/** Passes the limiters in turn; returns the grants if one of them does not admit the call. */
async function enterAll(call: Call, limiters: readonly Limiter[], tokens: number): Promise<Entry> {
  const { id, request, patienceMs } = call
  const { tenant, priority, sinceMs } = request
  const onWait = (takeBack: () => void): void => {
    call.stop = takeBack
  }
  const entering = { id, tenant, priority, sinceMs, tokens, patienceMs, onWait }
  const entered: Limiter[] = []
  for (const limiter of limiters) {
    const entry = call.ended === undefined ? await limiter.enter(entering) : TAKEN_BACK
    if (entry.kind !== 'in') {
      for (const before of entered) before.leave(id, { ...NOTHING_USED, reserved: tokens })
      return entry
    }
    entered.push(limiter)
  }
  return { kind: 'in' }
}

const TAKEN_BACK: Entry = { kind: 'taken-back' }
const NOTHING_USED = { used: 0, closedMs: undefined }

/** Returns the limiters of a candidate: first its model's, then its key's. */
function limitersOf(
  candidate: Candidate,
  { request }: Call,
  { limiters }: LlmContext,
): readonly [Limiter, Limiter] {
  return [limiters.ofModel(request.tenant, candidate), limiters.ofKey(candidate.provider)]
}

async function attempt(
  call: Call,
  sent: ProviderRequest,
  candidate: Candidate,
  outputTokensMax: number | undefined,
  context: LlmContext,
): Promise<HeardAnswer> {
  // No connection is opened for a run in doubt; the client asks again when the request leaves.
  const doubt = call.request.confirm()
  if (doubt !== undefined) await doubt
  if (call.ended !== undefined) return { kind: 'failed', failure: CANCELLED }
  const client = clientOf(candidate, context)
  const answer = await client.call({
    request: call.request,
    model: candidate.as,
    outputTokensMax,
    promptCharacters: call.characters,
    signal: sent.controller.signal,
    onHeaders: (hints) => context.limiters.ofKey(candidate.provider).heard(hints),
    onPiece() {
      sent.heardAtMs = context.nowMs()
      context.heard()
    },
    onBegun() {
      sent.begun = true
      sent.begunAtMs = context.nowMs()
    },
    onSize(characters) {
      if (characters <= context.outputBytesMax) return
      const message = `the answer exceeds ${context.outputBytesMax} bytes`
      endCall(call, { kind: 'output-too-large', message })
    },
    ended: () => call.ended !== undefined || sent.failure !== undefined,
  })
  // An answer that was complete when its time ran out is paid for, so it is accepted.
  if (answer.kind === 'answered' || sent.failure === undefined) return answer
  return { kind: 'failed', failure: sent.failure }
}

/** The failure of a request whose call was ended; no code reads it. */
const CANCELLED: Failure = { kind: 'connection', message: 'cancelled' }

/** Settles limiter, breaker and budget with the result of a request. */
function conclude(
  call: Call,
  candidate: Candidate,
  tried: {
    readonly heard: HeardAnswer
    readonly tokens: number
    readonly sent: ProviderRequest
  },
  context: LlmContext,
): Asked {
  const { heard, tokens, sent } = tried
  const { request, id } = call
  const { begun, sentAtMs } = sent
  const [ofModel, ofKey] = limitersOf(candidate, call, context)
  // A rate refusal concerns the model, unless the provider says that it concerns the key.
  const leave = (left: Left, wholeKey: boolean): void => {
    ofModel.leave(id, wholeKey ? { ...left, closedMs: undefined } : left)
    ofKey.leave(id, wholeKey ? left : { ...left, closedMs: undefined })
  }
  const ended = endedOutcome(call)
  if (heard.kind === 'failed' || ended !== undefined) {
    const failure = heard.kind === 'failed' && ended === undefined ? heard.failure : undefined
    const turnedAway = failure?.kind === 'status' && failure.status === TOO_MANY_REQUESTS
    if (failure !== undefined) {
      context.ended(turnedAway)
      context.figures.failed(request.tenant, candidate, failure)
    }
    const closedMs = turnedAway ? (failure.retryAfterMs ?? RETRY_AFTER_UNKNOWN_MS) : undefined
    const wholeKey = failure?.kind === 'status' && failure.wholeKey === true
    const paid = heard.kind === 'failed' ? heard.usage : undefined
    const cost = paid === undefined ? tokens : paid.inputTokens + paid.outputTokens
    leave({ reserved: tokens, used: begun ? paid && cost : 0, closedMs }, wholeKey)
    // A provider rarely reports the usage of a broken answer; without it the reservation counts.
    const usd = paid === undefined ? 0 : (costUsd(priceOf(candidate), paid) ?? 0)
    const used = begun || paid !== undefined ? { tokens: cost, usd } : undefined
    context.tenants.settle(request.tenant, id, used)
    const fault = failure !== undefined && isProviderFault(failure) && !turnedAway
    context.breakers.settle(request.tenant, candidate, fault ? 'failure' : 'nothing')
    if (ended !== undefined) return ended
    const partial = heard.kind === 'failed' ? heard.partial : undefined
    const cut = partial === undefined ? {} : { partial }
    return { kind: 'failed', failure: failure ?? CANCELLED, begun, ...cut }
  }
  context.ended(false)
  const { answer, usage } = heard
  const { begunAtMs = context.nowMs() } = sent
  context.figures.answered(request.tenant, candidate, {
    firstTokenMs: begunAtMs - sentAtMs,
    totalMs: context.nowMs() - sentAtMs,
    outputTokens: usage.outputTokens,
  })
  const cost = costUsd(priceOf(candidate), usage)
  const used = usage.inputTokens + usage.outputTokens
  leave({ reserved: tokens, used: used === 0 ? undefined : used, closedMs: undefined }, false)
  context.tenants.settle(request.tenant, id, { tokens: used, usd: cost ?? 0 })
  context.estimates.learn(request.tenant, candidate.as, call.characters, usage)
  context.breakers.settle(request.tenant, candidate, 'success')
  return {
    kind: 'answered',
    answer,
    usage: cost === undefined ? usage : { costUsd: cost, ...usage },
    model: candidate.model,
    by: calledBy(candidate, cost),
    times: timesOf(call, sentAtMs, begunAtMs),
  }
}

function calledBy({ provider, as }: Candidate, cost: number | undefined): CalledBy {
  const prices = cost === undefined ? {} : { prices: provider.pricesVersion }
  return { provider: provider.name, model: as, ...prices }
}

function overBudget(
  call: Call,
  candidate: Candidate,
  failure: Failure & { readonly kind: 'budget' | 'no-price' },
  context: LlmContext,
): Asked {
  context.breakers.settle(call.request.tenant, candidate, 'nothing')
  return endedOutcome(call) ?? { kind: 'failed', failure, begun: false }
}

/** Returns the client of a candidate's provider. */
export function clientOf({ provider }: Candidate, { clients }: LlmContext): ProviderClient {
  const client = clients.get(provider.name)
  if (client === undefined) throw new Error(`the provider ${provider.name} has no client`)
  return client
}

/**
 * Whether another provider may answer: this one is failing or unreachable, or it refused the request.
 * A refusal costs nothing, and another provider has another key, a longer context, or the feature that
 * this one lacks.
 */
function mayFallBack(failure: Failure): boolean {
  return isProviderFault(failure) || failure.kind === 'empty-answer' || failure.kind === 'status'
}

/**
 * Returns the failure that decides about another attempt: first a temporary failure, because its provider may
 * answer the next attempt, otherwise the refusal of the preferred provider.
 */
function toldFailure(before: Failure, after: Failure): Failure {
  return classifyFailure(after).retryable ? after : before
}

function failed(failure: Failure): LlmOutcome {
  return { kind: 'failed', failure }
}

/** Adds the provider and its status to the text that the provider gave as its reason. */
function withSource(failure: Failure, { provider }: Candidate): Failure {
  if (failure.kind !== 'status') return failure
  const { status, message } = failure
  return { ...failure, message: `${message} (status ${status} of the provider ${provider.name})` }
}
