import type { Failure } from '@agentfleet/domain'
import type { Breakers } from './breakers.ts'
import type { ProviderFigures } from './figures.ts'
import { nameOf, placeOf, type Candidate, type Provider } from './provider.ts'

/** The failures of calls that no provider takes, with what to do about them. */
interface UnavailableContext {
  readonly breakers: Pick<Breakers, 'retryAtMs'>
  readonly figures: Pick<ProviderFigures, 'lastError'>
  nowMs(): number
}

/** Candidates that a message names; a fleet rarely has more providers of one model. */
const NAMED_MAX = 3

const ADVICE =
  'Check that its base URL is right and that it is up. The fleet tries the task again until its last attempt; a second provider or fallbackModels would let it continue now'

/** The failure of a call that no candidate takes now: each failed recently, and its breaker is open. */
export function shut(
  all: readonly Candidate[],
  retryAtMs: number,
  context: UnavailableContext,
): Failure {
  const nowMs = context.nowMs()
  const seconds = (ms: number): string => `${(Math.max(0, ms) / 1_000).toFixed(1)} s`
  const states = all.slice(0, NAMED_MAX).map((candidate) => {
    const error = context.figures.lastError(candidate)
    const why = error === undefined ? '' : ` (${error.kind}, ${seconds(nowMs - error.atMs)} ago)`
    const opensInMs = (context.breakers.retryAtMs(candidate) ?? nowMs) - nowMs
    const at = placeOf(candidate.provider.baseUrl)
    return `${nameOf(candidate)} at ${at} failed${why} and gets its next request in ${seconds(opensInMs)}`
  })
  const more = all.length > NAMED_MAX ? `; and ${all.length - NAMED_MAX} more` : ''
  const message = `no provider can take a request now: ${states.join('; ')}${more}. ${ADVICE}`
  return { kind: 'shut', message, retryAfterMs: Math.max(0, retryAtMs - nowMs) }
}

/** The failure of a call whose model no provider serves. */
export function noProvider(model: string, providers: readonly Provider[]): Failure {
  const names = providers.map(({ name }) => name).join(', ')
  const message =
    providers.length === 0
      ? 'this node has no provider; set OPENAI_API_KEY, OPENAI_BASE_URL or PROVIDERS'
      : `no provider serves the model ${model}; configured providers: ${names}`
  return { kind: 'no-provider', message }
}
