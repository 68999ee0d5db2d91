import { createHash } from 'node:crypto'
import type { Capabilities } from '../provider/request/capabilities.ts'
import { entryFor, matchesPattern, type ModelPrice, type RateLimits } from '@agentfleet/domain'

/** An OpenAI-compatible endpoint with one key. */
export interface Provider {
  readonly name: string
  readonly baseUrl: string
  readonly key: string | undefined
  /** The models that it serves, and its own names for them; `*` in a pattern matches any text. */
  readonly models: readonly { readonly match: string; readonly as?: string | undefined }[]
  readonly limits: RateLimits
  /** Prices by patterns of the provider's model names. */
  readonly prices: Readonly<Record<string, ModelPrice>>
  readonly pricesVersion: string
  /** The longest wait for the first token before another provider is tried; default: the longest silence. */
  readonly firstTokenMs?: number | undefined
  /** What the endpoint is known not to accept; the worker learns the rest from its refusals. */
  readonly capabilities?: Partial<Capabilities> | undefined
}

/** A model of a provider that may answer a call. */
export interface Candidate {
  readonly provider: Provider
  /** The model's name in the task. */
  readonly model: string
  /** The provider's name for the model. */
  readonly as: string
}

/** Returns the candidates in the order in which they are asked: model by model, provider by provider. */
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

/** Identifies a candidate among those of its node. */
export function candidateKey({ provider, as }: Candidate): string {
  return `${provider.name} ${as}`
}

/** Names a candidate in messages. */
export function nameOf({ provider, as }: Candidate): string {
  return `${as} of the provider ${provider.name}`
}

/** Returns an address without its secret parts. */
export function placeOf(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl)
  return origin + pathname
}

/** Returns the provider's price of a model. */
export function priceOf({ provider, as }: Candidate): ModelPrice | undefined {
  return entryFor(provider.prices, as)
}

/** Identifies a key for shared limits without revealing it; providers with the same key share its limits. */
export function keyId({ baseUrl, key = '' }: Pick<Provider, 'baseUrl' | 'key'>): string {
  return createHash('sha256').update(`${baseUrl}\n${key}`).digest('hex').slice(0, 16)
}
