import { createHash } from 'node:crypto'
import type { Capabilities } from '../provider/capabilities.ts'
import { entryFor, matchesPattern, type ModelPrice, type RateLimits } from '@agentfleet/domain'

/** One OpenAI-compatible endpoint with one key. */
export interface Provider {
  readonly name: string
  readonly baseUrl: string
  readonly key: string | undefined
  /** Which models it serves, and under which name of its own; `*` in a pattern is any text. */
  readonly models: readonly { readonly match: string; readonly as?: string | undefined }[]
  readonly limits: RateLimits
  /** By pattern of its own model names. */
  readonly prices: Readonly<Record<string, ModelPrice>>
  readonly pricesVersion: string
  /** Longest wait for the first token before another provider is tried; undefined: the longest silence. */
  readonly firstTokenMs: number | undefined
  /** What the endpoint is known not to take; the rest is learned from its refusals. */
  readonly capabilities?: Partial<Capabilities> | undefined
}

/** A model of a provider that may answer a call. */
export interface Candidate {
  readonly provider: Provider
  /** As the task names it. */
  readonly model: string
  /** As the provider names it. */
  readonly as: string
}

/** All who may answer, in the order in which they are asked: model by model, provider by provider. */
export function candidatesOf(
  providers: readonly Provider[],
  models: readonly string[],
): readonly Candidate[] {
  return [...new Set(models)].flatMap((model) =>
    providers.flatMap((provider) => {
      const entry = provider.models.find(({ match }) => matchesPattern(match, model))
      return entry === undefined ? [] : [{ provider, model, as: entry.as ?? model }]
    }),
  )
}

/** What a provider takes for a model. */
export function priceOf({ provider, as }: Candidate): ModelPrice | undefined {
  return entryFor(provider.prices, as)
}

/** Names a key where limits are shared, without telling it: providers with the same one share them. */
export function keyId({ baseUrl, key = '' }: Pick<Provider, 'baseUrl' | 'key'>): string {
  return createHash('sha256').update(`${baseUrl}\n${key}`).digest('hex').slice(0, 16)
}
