import { DELAY_MAX_MS, type TaskSpec } from '@agentfleet/domain'
import type { TaskRequest } from '@agentfleet/protocol'
import { Refusal } from '../http/problems.ts'

/** The part of a spec that says what a task waits for before it runs. */
export type SpecWaits = Pick<
  TaskSpec,
  'dependsOn' | 'onDependencyFailure' | 'notBeforeMs' | 'delayMs'
>

/** What the request wants to be waited for; what is the usual way is left out. Throws a Refusal. */
export function specWaits(request: TaskRequest, nowMs: number): SpecWaits {
  const { dependsOn = [], onDependencyFailure, notBefore, delayMs = 0 } = request
  const waits: { -readonly [K in keyof SpecWaits]: SpecWaits[K] } = {}
  if (dependsOn.length > 0) waits.dependsOn = dependsOn
  if (dependsOn.length > 0 && onDependencyFailure === 'continue') {
    waits.onDependencyFailure = 'continue'
  }
  if (delayMs > 0) waits.delayMs = delayMs
  if (notBefore !== undefined) {
    const notBeforeMs = Date.parse(notBefore)
    if (!(notBeforeMs - nowMs <= DELAY_MAX_MS)) {
      const detail = 'must be an instant at most seven days ahead; use a schedule for later ones'
      throw new Refusal('invalid-request', `Correct the request: /notBefore ${detail}.`, [
        { pointer: '/notBefore', detail },
      ])
    }
    waits.notBeforeMs = notBeforeMs
  }
  return waits
}
