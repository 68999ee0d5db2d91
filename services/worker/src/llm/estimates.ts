import { estimateCall, learnCall, NOTHING_LEARNED, type Learned } from '@agentfleet/domain'
import { LRUCache } from 'lru-cache'

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

/** Creates the estimates; at first they rest on no call. */
export function createEstimates(): Estimates {
  const learned = new LRUCache<string, Learned>({ max: MODELS_MAX })
  const learnedOf = (model: string): Learned => learned.peek(model) ?? NOTHING_LEARNED
  return {
    of: (model, characters, outputTokensMax) =>
      estimateCall(learnedOf(model), characters, outputTokensMax),
    learn(model, characters, used) {
      learned.set(model, learnCall(learnedOf(model), characters, used))
    },
  }
}
