import {
  createOwnedMap,
  estimateCall,
  learnCall,
  NOTHING_LEARNED,
  type Learned,
  type Usage,
} from '@agentfleet/domain'

/** The usual size of calls to each model, learned from calls that ended. */
export type Estimates = ReturnType<typeof createEstimates>

/** Models remembered; tasks choose their names, so each tenant has a share (L7). */
const MODELS_MAX = 1_000

/** Creates the estimates; at first they rest on no call. */
export function createEstimates() {
  const learned = createOwnedMap<Learned>(MODELS_MAX)
  const learnedOf = (model: string): Learned => learned.get(model) ?? NOTHING_LEARNED
  return {
    of: (model: string, characters: number, outputTokensMax: number | undefined) =>
      estimateCall(learnedOf(model), characters, outputTokensMax),
    learn(
      tenant: string,
      model: string,
      characters: number,
      used: Pick<Usage, 'inputTokens' | 'outputTokens'>,
    ): void {
      learned.set(tenant, model, learnCall(learnedOf(model), characters, used))
    },
  }
}
