import type { ProviderModel } from '@agentfleet/protocol'
import type { LlmOptions, LlmOutcome, LlmRequest } from './request.ts'
import { createEstimates } from './estimates.ts'
import { createProviderFigures, type ModelState, type RequestCount } from './figures.ts'
import { createHttpFetch } from '../provider/http/fetch.ts'
import { createBreakers } from './breakers.ts'
import { endCall, newCall, sweepCall, type Call } from './call.ts'
import { clientOf, route, type LlmContext } from './route.ts'
import { createProviderClient } from '../provider/client.ts'
import { createLimiters } from './limiters.ts'
import type { Candidate } from './provider.ts'
import { createTenantBudgets } from '../limits/tenant-budgets.ts'

/**
 * LLM calls: which provider is asked, when it may be asked, and which one follows when it fails.
 *
 * A call goes from candidate to candidate (model by model, provider by provider) until one begins to answer.
 * One periodic sweep enforces the time limits of all calls. Invariants: a call ends at its limits or when it is
 * cancelled; after a piece of an answer was passed on, no other provider is asked; no request is sent without a
 * grant of the limiter; a call that reached no provider has not failed (`deferred`).
 */

/** Makes LLM calls. */
export interface Llm {
  call(request: LlmRequest): Promise<LlmOutcome>
  /** Ends calls that have exceeded their limits; called a few times a second. */
  sweep(nowMs: number): void
  /** Returns the calls under way and, since the start, the pieces received and the calls ended and refused. */
  progress(): Progress
  /** Returns the state of the models called recently. */
  providers(): ProviderModel[]
  /** Counts the ended requests to providers by model and outcome. */
  requests(): RequestCount[]
  /** Returns the number of calls that wait for the limits of their provider. */
  waiting(): number
  /** Closes every connection. */
  close(): void
}

/** Counts of a node's calls. */
export interface Progress {
  readonly calling: number
  readonly heard: number
  /** Provider requests, each counted separately. */
  readonly ended: number
  /** Requests that ended with 429: the provider's limit, not the node's. */
  readonly throttled: number
}

/** Milliseconds between the node's reports that its calls are alive. */
const TOUCH_INTERVAL_MS = 1_000

/** Creates the calls to the configured providers; without providers every call is refused. */
export function createLlm(options: LlmOptions): Llm {
  const { nowMs } = options
  const calls = new Set<Call>()
  const http = createHttpFetch()
  const limiters = createLimiters(options)
  const figures = { heard: 0, ended: 0, throttled: 0 }
  const clients = new Map(
    options.providers.map((provider) => [
      provider.name,
      createProviderClient(provider, { ...options, fetch: http.fetch }),
    ]),
  )
  const context: LlmContext = {
    ...options,
    clients,
    limiters,
    breakers: createBreakers(nowMs),
    estimates: createEstimates(),
    tenants: createTenantBudgets(options),
    figures: createProviderFigures(options),
    heard: () => void (figures.heard += 1),
    ended(throttled) {
      figures.ended += 1
      figures.throttled += Number(throttled)
    },
  }
  let counter = 0
  let touchAtMs = 0

  return {
    async call(request) {
      counter += 1
      const startedAtMs = nowMs()
      const patienceMs = Math.min(options.waitMs, request.deadlineAtMs - startedAtMs)
      const id = `${options.node}.${counter.toString(36)}`
      const call = newCall(request, id, startedAtMs, patienceMs)
      calls.add(call)
      request.onStart(() => endCall(call, 'cancelled'))
      try {
        return await route(call, context)
      } finally {
        calls.delete(call)
      }
    },
    progress: () => ({
      calling: [...calls].filter(({ sent }) => sent !== undefined).length,
      ...figures,
    }),
    providers: () => context.figures.list((candidate) => stateOf(candidate, context)),
    requests: context.figures.requests,
    waiting: limiters.waiting,
    sweep(now) {
      for (const call of calls) sweepCall(call, now, options.silenceMs)
      limiters.sweep(now)
      if (now < touchAtMs) return
      touchAtMs = now + TOUCH_INTERVAL_MS
      void limiters.touch()
    },
    close: http.close,
  }
}

/** Returns what limits the calls to a model now. */
function stateOf(candidate: Candidate, context: LlmContext): ModelState {
  const { breakers, limiters, nowMs } = context
  const ofKey = limiters.ofKey(candidate.provider)
  return {
    breaker: breakers.kindOf(candidate),
    closedForMs: Math.max(
      ofKey.closedMs(),
      limiters.closedMsOfModel(candidate),
      (breakers.retryAtMs(candidate) ?? 0) - nowMs(),
      0,
    ),
    keyLimits: ofKey.state(),
    capabilities: clientOf(candidate, context).capabilitiesOf(candidate.as),
  }
}
