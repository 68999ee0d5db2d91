import { createHash } from 'node:crypto'
import { createOwnedMap, UNLIMITED } from '@agentfleet/domain'
import type { ProviderLimits } from '@agentfleet/adapters'
import { createLimiter, type Limiter } from '../limits/limiter.ts'
import { type Candidate, type Provider, keyId } from './provider.ts'

/**
 * The limiters of a node: one limiter for each provider key, and one limiter for each model of a key.
 *
 * The limiter of a key has the configured limits. The limiter of a model has none; it closes when the provider
 * refuses a call to the model for its rate, so that other models of the key continue. The fleet shares both.
 * Invariants: the limiter of a model exists while a call waits or runs behind it; it also exists while it is closed
 * and for KEEP_MS after that. Tasks choose the names of models, so at most MODELS_MAX limiters stay without a call,
 * and each tenant has a share of them (L7).
 */
export type Limiters = ReturnType<typeof createLimiters>

/** Milliseconds after its last call for which the limiter of a model exists. */
const KEEP_MS = 60_000
/** Models whose limiters stay after their calls; a node asks Redis for the state of each once a second. */
const MODELS_MAX = 1_000

interface ModelLimiter {
  /** Names the model where limits are shared. */
  readonly key: string
  readonly limiter: Limiter
  readonly name: string
  usedAtMs: number
  /** Leaves as soon as no call waits or runs behind it. */
  leaves: boolean
}

/** Creates the limiters of these providers; a model gets its limiter with its first call. */
export function createLimiters(deps: {
  readonly node: string
  readonly providers: readonly Provider[]
  readonly shared: ProviderLimits | undefined
  readonly nowMs: () => number
  readonly random: () => number
}) {
  const { node, shared, nowMs, random } = deps
  const make = (key: string, limits: Provider['limits']): Limiter =>
    createLimiter({ key, node, limits, shared, nowMs, random })
  // Each call asks for these several times: a key is hashed once.
  const ids = new Map(deps.providers.map((provider) => [provider, keyId(provider)]))
  const idOf = (provider: Provider): string => ids.get(provider) ?? keyId(provider)
  const nameOf = ({ provider, as }: Candidate): string => `${idOf(provider)} ${as}`
  const keys = new Map<string, Limiter>()
  // Providers with the same key share its limits.
  for (const [{ limits }, key] of ids) if (!keys.has(key)) keys.set(key, make(key, limits))
  const models = new Map<string, ModelLimiter>()
  /** The limiters that stay after their calls. */
  const kept = createOwnedMap<ModelLimiter>(MODELS_MAX)
  const makeModel = ({ provider, as }: Candidate, name: string): ModelLimiter => {
    const key = `${idOf(provider)}-${createHash('sha256').update(as).digest('hex').slice(0, 16)}`
    return { key, name, limiter: make(key, UNLIMITED), usedAtMs: 0, leaves: false }
  }
  const all = (): readonly (readonly [key: string, limiter: Limiter])[] => [
    ...keys,
    ...[...models.values()].map(({ key, limiter }) => [key, limiter] as const),
  ]

  return {
    ofKey(provider: Provider): Limiter {
      const limiter = keys.get(idOf(provider))
      if (limiter === undefined) throw new Error(`the provider ${provider.name} has no limiter`)
      return limiter
    },
    ofModel(tenant: string, candidate: Candidate): Limiter {
      const name = nameOf(candidate)
      const model = models.get(name) ?? makeModel(candidate, name)
      models.set(name, model)
      model.usedAtMs = nowMs()
      model.leaves = false
      for (const left of kept.set(tenant, name, model)) {
        if (left.limiter.isUsed()) left.leaves = true
        else models.delete(left.name)
      }
      return model.limiter
    },
    /** Returns for how many milliseconds no call to the model may enter; creates no limiter. */
    closedMsOfModel: (candidate: Candidate) =>
      models.get(nameOf(candidate))?.limiter.closedMs() ?? 0,
    waiting: () => all().reduce((sum, [, limiter]) => sum + limiter.waiting(), 0),
    sweep(now: number): void {
      for (const limiter of keys.values()) limiter.sweep(now)
      for (const { name, limiter, usedAtMs, leaves } of models.values()) {
        limiter.sweep(now)
        if (limiter.isUsed()) continue
        if (leaves || (limiter.closedMs() === 0 && now - usedAtMs > KEEP_MS)) {
          models.delete(name)
          kept.delete(name)
        }
      }
    },
    /** Reports to the fleet that this node's calls are alive, and reads the state of keys and models. */
    async touch(): Promise<void> {
      if (shared === undefined) return
      const touching = all()
      const asked = touching.map(([key, limiter]) => ({ key, live: limiter.live() }))
      // While Redis is unavailable the limiters use their own share.
      const touched = await shared.touch(node, asked).catch(() => undefined)
      if (touched === undefined) return
      for (const [index, [, limiter]] of touching.entries()) {
        const state = touched.keys[index]
        if (state !== undefined) limiter.touched(touched.nodes, state)
      }
    },
  }
}
