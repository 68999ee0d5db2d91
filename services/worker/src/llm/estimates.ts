import { estimateCall, learnCall, NOTHING_LEARNED, type Learned } from '@agentfleet/domain'

/** The usual size of calls to each model, learned from calls that ended. */
export interface Estimates {
  of(
    model: string,
    characters: number,
    outputTokensMax: number | undefined,
  ): { readonly inputTokens: number; readonly outputTokens: number }
  learn(
    model: string,
    characters: number,
    used: { readonly inputTokens: number; readonly outputTokens: number },
  ): void
}

/** Models remembered; the one updated longest ago is dropped first. */
const MODELS_MAX = 1_000

/** Creates estimates without observations. */
export function createEstimates(): Estimates {
  const learned = new Map<string, Learned>()
  return {
    of: (model, characters, outputTokensMax) =>
      estimateCall(learned.get(model) ?? NOTHING_LEARNED, characters, outputTokensMax),
    learn(model, characters, used) {
      const next = learnCall(learned.get(model) ?? NOTHING_LEARNED, characters, used)
      learned.delete(model)
      learned.set(model, next)
      const [oldest] = learned.keys()
      if (learned.size > MODELS_MAX && oldest !== undefined) learned.delete(oldest)
    },
  }
}
