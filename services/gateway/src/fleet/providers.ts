import type { Bus } from '@agentfleet/adapters'
import { CHANNELS, type FleetView, type ProviderModel } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'

/**
 * How the models of the providers stand, put together from what each node says (L6: a hint).
 * Invariant: of each node only its last word counts, and none that is older than AGE_MAX_MS.
 */
export interface Providers {
  view(): FleetView['providers']
  close(): void
}

/** Nodes speak every two seconds; three words may be lost, milliseconds. */
const AGE_MAX_MS = 7_000
/** Models shown, the most called ones. */
const MODELS_MAX = 200

/** Follows what the nodes say of their providers. */
export function followProviders({ bus, clock }: { bus: Bus; clock: Clock }): Providers {
  const nodes = new Map<string, { readonly models: ProviderModel[]; readonly heardAtMs: number }>()
  const subscription = bus.on(CHANNELS.providers, ({ nodeId, models }) => {
    const known = models.filter((model) => model !== undefined)
    nodes.set(nodeId, {
      models: known,
      heardAtMs: clock.monotonicMs(),
    })
  })
  return {
    view() {
      const nowMs = clock.monotonicMs()
      for (const [nodeId, { heardAtMs }] of nodes) {
        if (nowMs - heardAtMs > AGE_MAX_MS) nodes.delete(nodeId)
      }
      return together([...nodes.values()].map(({ models }) => models))
    },
    close: () => subscription.close(),
  }
}

type View = FleetView['providers'][number]

/** One entry for each model, from what the nodes say of it. */
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

function alone({ lastError, firstTokenMs, tokensPerSecond, ...model }: ProviderModel): View {
  return { ...model, nodes: 1, ...known({ lastError, firstTokenMs, tokensPerSecond }) }
}

/** The fields that have a value. */
function known(fields: Pick<ProviderModel, 'lastError' | 'firstTokenMs' | 'tokensPerSecond'>) {
  const { lastError, firstTokenMs, tokensPerSecond } = fields
  return {
    ...(lastError === undefined ? {} : { lastError }),
    ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
  }
}

const WORST = ['closed', 'probing', 'open'] as const

function merged(a: View, b: ProviderModel): View {
  const calls = a.calls + b.calls
  const errors = [a.lastError, b.lastError].filter((error) => error !== undefined)
  const lastError = errors.sort((x, y) => x.agoMs - y.agoMs)[0]
  const firstTokenMs = mean(a.firstTokenMs, a.calls, b.firstTokenMs, b.calls)
  const tokensPerSecond = mean(a.tokensPerSecond, a.calls, b.tokensPerSecond, b.calls)
  return {
    provider: a.provider,
    model: a.model,
    nodes: a.nodes + 1,
    calls,
    breaker: WORST.indexOf(a.breaker) >= WORST.indexOf(b.breaker) ? a.breaker : b.breaker,
    closedForMs: Math.max(a.closedForMs, b.closedForMs),
    learned: [...new Set([...a.learned, ...b.learned])].sort(),
    ...known({ lastError, firstTokenMs, tokensPerSecond }),
  }
}

/** The mean of two means by their weights; of one where the other is not known. */
function mean(a: number | undefined, weightA: number, b: number | undefined, weightB: number) {
  if (a === undefined || b === undefined) return a ?? b
  return Math.round(((a * weightA + b * weightB) / (weightA + weightB)) * 10) / 10
}
