import type { Bus } from '@agentfleet/adapters'
import { given, createNewest, NODES_MAX } from '@agentfleet/domain'
import { CHANNELS, type FleetView, type ProviderModel } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'

/**
 * The state of the provider models, combined from the reports of all nodes (L6: a hint). Invariant:
 * only the last report of each node counts, and no report older than AGE_MAX_MS.
 */
export interface Providers {
  view(): FleetView['providers']
  close(): void
}

/** Milliseconds. Nodes report every two seconds; three reports may be lost. */
const AGE_MAX_MS = 7_000
/** The view shows only the models with the most calls. */
const MODELS_MAX = 200

/** The reports of all nodes together: some kB of each, bytes. */
const SAID_MAX_BYTES = 64 * 1024 * 1024

interface Said {
  readonly models: readonly ProviderModel[]
  readonly heardAtMs: number
}

/** Follows the provider reports of the nodes. */
export function followProviders({ bus, clock }: { bus: Bus; clock: Clock }): Providers {
  const nodes = createNewest<string, Said>({ entriesMax: NODES_MAX, bytesMax: SAID_MAX_BYTES })
  const subscription = bus.on(CHANNELS.providers, ({ nodeId, models }, { bytes }) => {
    const known = models.filter((model) => model !== undefined)
    nodes.set(nodeId, { models: known, heardAtMs: clock.monotonicMs() }, bytes)
  })
  return {
    view() {
      const nowMs = clock.monotonicMs()
      for (const [nodeId, { heardAtMs }] of nodes.entries()) {
        if (nowMs - heardAtMs > AGE_MAX_MS) nodes.delete(nodeId)
      }
      return together([...nodes.values()].map(({ models }) => models))
    },
    close: () => subscription.close(),
  }
}

type View = FleetView['providers'][number]

/** Combines the nodes' reports into one entry for each model. */
export function together(said: readonly (readonly ProviderModel[])[]): View[] {
  const byModel = new Map<string, View>()
  for (const model of said.flat()) {
    const key = `${model.provider} ${model.model}`
    const known = byModel.get(key)
    byModel.set(key, known === undefined ? alone(model) : merged(known, model))
  }
  return [...byModel.values()]
    .sort(
      (a, b) =>
        b.calls - a.calls || (`${a.provider} ${a.model}` < `${b.provider} ${b.model}` ? -1 : 1),
    )
    .slice(0, MODELS_MAX)
}

function alone(model: ProviderModel): View {
  const { lastError, firstTokenMs, tokensPerSecond, keyLimits, ...rest } = model
  const known = { lastError, firstTokenMs, tokensPerSecond, keyLimits: limitsOf(keyLimits) }
  return { ...rest, nodes: 1, ...given(known) }
}

const WORST = ['closed', 'probing', 'open'] as const

function merged(a: View, b: ProviderModel): View {
  const calls = a.calls + b.calls
  const errors = [a.lastError, b.lastError].filter((error) => error !== undefined)
  const lastError = errors.sort((x, y) => x.agoMs - y.agoMs)[0]
  const firstTokenMs = mean(a.firstTokenMs, a.calls, b.firstTokenMs, b.calls)
  const tokensPerSecond = mean(a.tokensPerSecond, a.calls, b.tokensPerSecond, b.calls)
  return {
    ...a,
    nodes: a.nodes + 1,
    calls,
    breaker: WORST.indexOf(a.breaker) >= WORST.indexOf(b.breaker) ? a.breaker : b.breaker,
    closedForMs: Math.max(a.closedForMs, b.closedForMs),
    learned: [...new Set([...a.learned, ...b.learned])].sort(),
    ...given({
      lastError,
      firstTokenMs,
      tokensPerSecond,
      keyLimits: limitsOf(a.keyLimits, b.keyLimits),
    }),
  }
}

type KeyLimits = ProviderModel['keyLimits']

/** Nodes share a key: the lowest figures count, and their waiting calls add up. */
function limitsOf(a: KeyLimits, b?: KeyLimits): View['keyLimits'] {
  const said = [a, b].filter((one) => one !== undefined)
  if (said.length === 0) return undefined
  const least = (of: (one: NonNullable<KeyLimits>) => number | undefined): number | undefined => {
    const known = said.map(of).filter((value) => value !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }
  return {
    closedForMs: Math.max(...said.map((one) => one.closedForMs)),
    waiting: said.reduce((sum, { waiting }) => sum + waiting, 0),
    ...given({
      requestsPerMinute: least((one) => one.requestsPerMinute),
      tokensPerMinute: least((one) => one.tokensPerMinute),
      requestsLeft: least((one) => one.requestsLeft),
      tokensLeft: least((one) => one.tokensLeft),
    }),
  }
}

/** Returns the weighted mean of two means, or the only known mean. */
function mean(a: number | undefined, weightA: number, b: number | undefined, weightB: number) {
  if (a === undefined || b === undefined) return a ?? b
  return Math.round(((a * weightA + b * weightB) / (weightA + weightB)) * 10) / 10
}
