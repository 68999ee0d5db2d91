import type { StoredEvent } from '@agentfleet/adapters'
import {
  addUsage,
  given,
  lessUsage,
  NO_USAGE,
  type Completed,
  type JournaledCall,
  type Submitted,
  type Usage,
} from '@agentfleet/domain'
import type { TaskCall } from '@agentfleet/protocol'
import { clip, toolCallsIn, textIn } from './call-texts.ts'
import { createEarlierCalls } from './earlier-calls.ts'

type Place = Pick<TaskCall, 'seq' | 'attempt' | 'node' | 'endedAtMs' | 'replayedFrom'>

/**
 * Finds the call with this step in the events of its task, and what the call got: the log stores the answers of calls,
 * and the messages of a call follow from the task and the earlier answers. A text that the log does not store is left
 * out, never made up. Each text of the answer has at most `textBytes` bytes.
 */
export function searchCall(taskId: string, step: number, textBytes: number) {
  const nodes = new Map<number, string>()
  const earlier = createEarlierCalls(step, textBytes)
  let start: Submitted | undefined
  let usage: Usage = NO_USAGE
  let next = 0

  const found = (call: JournaledCall, place: Place): TaskCall => {
    const { kind, name, output, by, times } = call
    const shown = {
      taskId,
      step,
      kind,
      name,
      ...place,
      usage: call.usage,
      ...given({ by, times }),
      output: clip(textIn(output), textBytes),
    }
    if (kind === 'tool') return { ...shown, ...earlier.asked(), error: isWrong(output) }
    const toolCalls = earlier.requestedBy(toolCallsIn(output), step)
    return {
      ...shown,
      ...earlier.messages(start),
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
    }
  }

  const visit = (call: JournaledCall, place: Place): TaskCall | undefined => {
    if (call.step === step) return found(call, place)
    usage = addUsage(usage, call.usage)
    next = Math.max(next, call.step + 1)
    earlier.add(call)
    return undefined
  }

  const replayed = (event: Submitted): TaskCall | undefined => {
    const { replayOf } = event.spec
    for (const call of (event.journal ?? []).toSorted((a, b) => a.step - b.step)) {
      const detail = visit(call, replayOf === undefined ? {} : { replayedFrom: replayOf })
      if (detail !== undefined) return detail
    }
    // The ended task has already paid for these calls.
    usage = NO_USAGE
    return undefined
  }

  /** The last call has no event: the completion stores its answer. */
  const lastCall = (event: Completed, place: Place): TaskCall | undefined => {
    if (step !== next || start === undefined) return undefined
    return found(lastCallOf(event, step, start.spec.model, usage), place)
  }

  return {
    /** Takes the next event of the task; returns the call if this event stores it. */
    add({ event, seq }: StoredEvent): TaskCall | undefined {
      if (event.type === 'submitted') {
        start = event
        return replayed(event)
      }
      if ('attempt' in event && event.attempt !== undefined) {
        const placed = 'placed' in event ? event.placed : undefined
        const node = ('node' in event ? event.node : undefined) ?? placed?.node
        if (node !== undefined) nodes.set(event.attempt, node)
      }
      if (event.type !== 'call-finished' && event.type !== 'completed') return undefined
      const { attempt, atMs: endedAtMs } = event
      const node = nodes.get(attempt)
      const place = { seq, attempt, endedAtMs, ...(node === undefined ? {} : { node }) }
      return event.type === 'completed' ? lastCall(event, place) : visit(event.call, place)
    },
  }
}

function lastCallOf(
  { result, by, lastCall: times, usage }: Completed,
  step: number,
  model: string,
  before: Usage,
): JournaledCall {
  return {
    step,
    kind: 'llm',
    name: by?.model ?? model,
    output: { text: typeof result === 'string' ? result : JSON.stringify(result) },
    usage: lessUsage(usage, before),
    ...given({ by, times }),
  }
}

function isWrong(output: JournaledCall['output']): boolean {
  return (output as { readonly error?: unknown } | null)?.error === true
}
