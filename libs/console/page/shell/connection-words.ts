import { duration } from '@agentfleet/domain'

/** Milliseconds without an answer after which the page calls the figures old. */
const OLD_AFTER_MS = 10_000

/** Steps in which the age grows, milliseconds. */
const STEP_MS = 10_000

/** How current the page is, in words. */
export function connectionWords(state: {
  readonly answeredAtMs: number | undefined
  readonly failure: string | undefined
  readonly paused: boolean
  readonly nowMs: number
}): { readonly kind: 'live' | 'paused' | 'old' | 'lost'; readonly text: string } {
  const { answeredAtMs, failure, paused, nowMs } = state
  // The time grows in steps, so that a screen reader does not read each second aloud.
  const ageMs = answeredAtMs === undefined ? undefined : nowMs - answeredAtMs
  const oldMs = Math.floor((ageMs ?? 0) / STEP_MS) * STEP_MS
  const age = oldMs === 0 ? undefined : duration(oldMs)
  if (failure !== undefined) {
    const since = age === undefined ? '' : ` Figures are ${age} old or more.`
    return { kind: 'lost', text: `${failure}${since}` }
  }
  if (paused) return { kind: 'paused', text: 'Paused' }
  if (ageMs === undefined) return { kind: 'old', text: 'Connecting …' }
  return ageMs > OLD_AFTER_MS
    ? { kind: 'old', text: `Figures are ${age} old or more` }
    : { kind: 'live', text: 'Live' }
}
