import type { Histories, LoggedEvent } from '../invariants/logged-event.ts'
import type { StoredCall } from '../invariants/paid-twice.ts'
import { pastOf } from './gaps.ts'
import type { Fault } from './faults.ts'

/** Faults this long before an answer was stored may explain why its call was made again, milliseconds. */
const FAULTS_BEFORE_MS = 30_000

/**
 * A call that was made again although the log held its answer, with the history of its task and the faults around it.
 * Times count from the moment the answer was stored.
 */
export function showStoredCall(
  call: StoredCall,
  histories: Histories,
  faults: readonly Fault[],
): string {
  const { taskId, step, storedAtMs, askedAgainAtMs } = call
  const since = (atMs: number): string => `${((atMs - storedAtMs) / 1_000).toFixed(2)} s`
  const events = (histories.get(taskId) ?? []).map((event) => `${since(event.atMs)} ${show(event)}`)
  const near = faults.filter(
    ({ atMs, untilMs }) => untilMs > storedAtMs - FAULTS_BEFORE_MS && atMs < askedAgainAtMs,
  )
  const hit = near.map((fault) => {
    const end = fault.kind === 'freeze' ? ` until ${since(fault.untilMs)}` : ''
    return `${since(fault.atMs)} ${fault.process} ${pastOf(fault)}${end}`
  })
  return [
    `step ${step} of ${taskId}, asked again after ${since(askedAgainAtMs)}`,
    `events: ${events.join(', ')}`,
    `faults: ${hit.join(', ')}`,
  ].join('\n  ')
}

function show({ type, step, attempt, node }: LoggedEvent): string {
  const parts = [
    type,
    step === undefined ? '' : `of step ${step}`,
    attempt === undefined ? '' : `in attempt ${attempt}`,
    node === undefined ? '' : `on ${node}`,
  ]
  return parts.filter((part) => part !== '').join(' ')
}
