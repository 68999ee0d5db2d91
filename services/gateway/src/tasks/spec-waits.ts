import { DELAY_MAX_MS, SPEC_LIMITS, type TaskSpec } from '@agentfleet/domain'
import type { TaskRequest } from '@agentfleet/protocol'
import { wrongField } from '../http/problems.ts'

/** The fields of a spec that delay the first run. */
type SpecWaits = Pick<TaskSpec, 'dependsOn' | 'onDependencyFailure' | 'notBeforeMs' | 'delayMs'>

/** Returns the waits that the request names, without default values. Throws a Refusal. */
export function specWaits(request: TaskRequest, nowMs: number): SpecWaits {
  const { dependsOn = [], onDependencyFailure, notBefore, delayMs = 0 } = request
  const waits: { -readonly [K in keyof SpecWaits]: SpecWaits[K] } = {}
  if (dependsOn.length > 0) waits.dependsOn = dependsOn
  if (dependsOn.length > 0 && onDependencyFailure === 'continue') {
    waits.onDependencyFailure = 'continue'
  }
  if (delayMs > 0) waits.delayMs = delayMs
  if (notBefore !== undefined) waits.notBeforeMs = instantOf(notBefore, nowMs)
  return waits
}

function instantOf(notBefore: string, nowMs: number): number {
  const atMs = Date.parse(notBefore)
  // A leap second has the right form but no timestamp.
  if (Number.isNaN(atMs))
    throw wrongField('/notBefore', 'must be a time such as 2026-01-31T12:00:00Z')
  if (atMs - nowMs > DELAY_MAX_MS) {
    const detail = 'must be at most seven days ahead; use a schedule for a later time'
    throw wrongField('/notBefore', detail)
  }
  if (nowMs - atMs > SPEC_LIMITS.notBeforePastMsMax) {
    throw wrongField(
      '/notBefore',
      'must be at most one day ago; omit notBefore to run the task at once',
    )
  }
  return atMs
}
