import { lessUsage, nanoUsd, unpricedCallsOf } from '../llm/price.ts'
import type { CallTimes, JournaledCall } from '../task/spec.ts'
import type { TaskEvent } from '../task/task-event.ts'
import type { TaskRecord } from '../task/task-record.ts'
import { addDuration, mergeDurations, type Durations } from './durations.ts'

/** The counts that a step of a series has, before anything happened. */
const NO_COUNTS = {
  submitted: 0,
  started: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  retried: 0,
  lost: 0,
  llmCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  nanoUsd: 0,
  unpricedCalls: 0,
}
const COUNTED = Object.keys(NO_COUNTS) as (keyof typeof NO_COUNTS)[]

/** The counts of some tasks in some time. */
export interface Measures {
  readonly counts: typeof NO_COUNTS
  /** From the time at which a task could start to the time at which a node got it. */
  readonly wait: Durations
  /** From the beginning of an LLM call to its first token. */
  readonly firstToken: Durations
}

/** Creates counts of nothing. */
export function createMeasures(): Measures {
  return { counts: { ...NO_COUNTS }, wait: new Map(), firstToken: new Map() }
}

/** Adds the second counts to the first. */
export function mergeMeasures(into: Measures, from: Measures): void {
  for (const name of COUNTED) into.counts[name] += from.counts[name]
  mergeDurations(into.wait, from.wait)
  mergeDurations(into.firstToken, from.firstToken)
}

/** Counts an event of a task; `before`: the task before the event, which is undefined for `submitted` only. */
export function measure(into: Measures, event: TaskEvent, before: TaskRecord | undefined): void {
  const { counts } = into
  if (before !== undefined && 'placed' in event && event.placed !== undefined) {
    counts.started += 1
    const readyAtMs = readySince(before)
    if (readyAtMs !== undefined) addDuration(into.wait, Math.max(0, event.placed.atMs - readyAtMs))
  }
  switch (event.type) {
    case 'submitted':
      counts.submitted += 1
      break
    case 'attempt-started':
      // The run before it ended without a word.
      if (before?.state === 'running') counts.lost += 1
      break
    case 'call-finished':
      if (event.call.kind === 'llm') addCall(into, event.call.usage, event.call.times)
      break
    case 'attempt-failed':
      counts.retried += 1
      break
    case 'completed':
      counts.completed += 1
      // The last call has no event; its usage is the total minus that of the earlier calls.
      addCall(into, event.usage, event.lastCall, before?.usage)
      break
    case 'failed':
      counts.failed += 1
      break
    case 'cancelled':
      counts.cancelled += 1
      break
    case 'released':
    case 'paused':
    case 'resumed':
    case 'spawned':
      break
  }
}

/** The time from which the task could start; undefined if a run had it already. */
function readySince({ state, retryAtMs, updatedAtMs }: TaskRecord): number | undefined {
  if (state === 'retrying') return retryAtMs
  return state === 'queued' ? updatedAtMs : undefined
}

function addCall(
  into: Measures,
  usage: JournaledCall['usage'],
  times: CallTimes | undefined,
  before?: JournaledCall['usage'],
): void {
  const { counts } = into
  const used = before === undefined ? usage : lessUsage(usage, before)
  counts.llmCalls += used.llmCalls
  counts.inputTokens += used.inputTokens
  counts.outputTokens += used.outputTokens
  counts.nanoUsd += nanoUsd(used.costUsd ?? 0)
  counts.unpricedCalls += unpricedCallsOf(used)
  if (times?.firstTokenMs !== undefined) addDuration(into.firstToken, times.firstTokenMs)
}
