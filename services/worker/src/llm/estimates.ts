import {
  createOwnedMap,
  estimateCall,
  learnCall,
  NOTHING_LEARNED,
  type Learned,
} from '@agentfleet/domain'

/** The usual size of calls to each model, learned from calls that ended. */
export interface Estimates {
  of(
    model: string,
    characters: number,
    outputTokensMax: number | undefined,
  ): { readonly inputTokens: number; readonly outputTokens: number }
  learn(
    tenant: string,
    model: string,
    characters: number,
    used: { readonly inputTokens: number; readonly outputTokens: number },
  ): void
}

/** Models remembered; tasks choose their names, so each tenant has a share (L7). */
const MODELS_MAX = 1_000

/** Creates the estimates; at first they rest on no call. */
export function createEstimates(): Estimates {
  const learned = createOwnedMap<Learned>(MODELS_MAX)
  const learnedOf = (model: string): Learned => learned.get(model) ?? NOTHING_LEARNED
  return {
    of: (model, characters, outputTokensMax) =>
      estimateCall(learnedOf(model), characters, outputTokensMax),
    learn(tenant, model, characters, used) {
      learned.set(tenant, model, learnCall(learnedOf(model), characters, used))
    },
  }
}
