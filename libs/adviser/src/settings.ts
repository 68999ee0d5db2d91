import type { adviserEnv } from '@agentfleet/runtime'
import type { z } from 'zod'
import type { AdviserOptions } from './adviser.ts'

/** The adviser's variables of a service. */
export type AdviserVariables = Readonly<z.output<z.ZodObject<typeof adviserEnv>>>

/** A loop asks one question at a time; the other calls are for tasks that ask for placement with advice. */
const CALLS_AT_ONCE = 8

/** The settings of an adviser from the variables of its process. */
export function adviserSettings(
  variables: AdviserVariables,
): Pick<AdviserOptions, 'mode' | 'apiKey' | 'baseUrl' | 'model' | 'limits' | 'prices'> {
  return {
    mode: variables.ADVISER_MODE,
    apiKey: variables.OPENAI_API_KEY,
    baseUrl: variables.ADVISER_BASE_URL ?? variables.OPENAI_BASE_URL,
    model: variables.ADVISER_MODEL,
    prices: variables.ADVISER_PRICES,
    limits: {
      callsPerHour: variables.ADVISER_CALLS_PER_HOUR,
      usdPerHour: variables.ADVISER_USD_PER_HOUR,
      callsAtOnce: CALLS_AT_ONCE,
      timeoutMs: variables.ADVISER_TIMEOUT_MS,
      outputTokensMax: variables.ADVISER_OUTPUT_TOKENS,
    },
  }
}
