import type { CalledBy, CallTimes, Usage } from '@agentfleet/domain'
import { z } from 'zod'
import { count, durationMs, instantMs, tokens, usd } from './numbers.ts'

/** The figures of calls, as nodes report them. */

/** What a call, or a whole task, used. */
export const usage = z
  .object({
    inputTokens: tokens,
    outputTokens: tokens,
    llmCalls: count,
    cachedTokens: tokens.optional(),
    reasoningTokens: tokens.optional(),
    costUsd: usd.optional(),
    unpricedCalls: count.optional(),
  })
  .transform((used) => used as Usage)

/** The name of a provider, a model or a price table. */
const nameOf = z.string().max(256)

/** The provider and model that answered, and the price table of the cost. */
export const calledBy = z
  .object({ provider: nameOf, model: nameOf, prices: nameOf.optional() })
  .transform((by) => by as CalledBy)

/** When a call was made, and how long it waited. */
export const callTimes = z
  .object({
    startedAtMs: instantMs,
    waitedMs: durationMs.optional(),
    firstTokenMs: durationMs.optional(),
  })
  .transform((times) => times as CallTimes)
