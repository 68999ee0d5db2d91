import type { AdviserMode } from './advice.ts'
import type { AdviserOptions } from './adviser.ts'
import type { Price } from './consult.ts'

/** The adviser's variables of a service, as `adviserEnv` of the runtime reads them. */
export interface AdviserVariables {
  readonly ADVISER_MODE: AdviserMode
  readonly ADVISER_MODEL: string
  readonly ADVISER_BASE_URL?: string | undefined
  readonly OPENAI_BASE_URL?: string | undefined
  readonly OPENAI_API_KEY?: string | undefined
  readonly ADVISER_CALLS_PER_HOUR: number
  readonly ADVISER_USD_PER_HOUR: number
  readonly ADVISER_TIMEOUT_MS: number
  readonly ADVISER_OUTPUT_TOKENS: number
  readonly ADVISER_PRICES: Readonly<Record<string, Price>>
}

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
