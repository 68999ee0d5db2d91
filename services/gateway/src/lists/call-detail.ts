import type { StoredEvent } from '@agentfleet/adapters'
import {
  given,
  addUsage,
  lessUsage,
  NO_USAGE,
  promptOf,
  type Completed,
  type JournaledCall,
  type Submitted,
  type Usage,
} from '@agentfleet/domain'
import type { CallMessage, TaskCall } from '@agentfleet/protocol'
import { clip, createClips, toolCallsIn, textIn } from './call-texts.ts'

/**
 * Finds one call of a task in its events, and what the call got: the log stores the answers of calls, and the
 * messages of a call follow from the task and the earlier answers. A text that the log does not store is left
 * out, never made up.
 */
interface CallSearch {
  /** Takes the next event of the task; returns the call if this event stores it. */
  add(stored: StoredEvent): TaskCall | undefined
}

type Asked = Pick<TaskCall, 'arguments' | 'askedBy'>
type Place = Pick<TaskCall, 'seq' | 'attempt' | 'node' | 'endedAtMs' | 'replayedFrom'>

/** Searches the call with this step; each text of the answer has at most `textBytes` bytes. */
export function searchCall(taskId: string, step: number, textBytes: number): CallSearch {
  const nodes = new Map<number, string>()
  const clips = createClips(textBytes)
  const messages: CallMessage[] = []
  let start: Submitted | undefined
  let asked: Asked = {}
  let usage: Usage = NO_USAGE
  let next = 0

  /**
   * The requests in the answer of the call at this step; the position of a request fixes the step of its tool
   * call.
   */
  const requestedBy = (requests: ReturnType<typeof toolCallsIn>, at: number) =>
    requests.map(({ name, text }, position) => ({
      step: at + 1 + position,
      name,
      arguments: clips.keep(text),
    }))

  const remember = (call: JournaledCall): void => {
    usage = addUsage(usage, call.usage)
    next = Math.max(next, call.step + 1)
    const content = clips.keep(textIn(call.output))
    if (call.kind === 'tool') {
      messages.push({ role: 'tool', step: call.step, content })
      return
    }
    const requests = toolCallsIn(call.output)
    const mine = requests[step - call.step - 1]
    if (mine !== undefined) asked = { askedBy: call.step, arguments: clip(mine.text, textBytes) }
    if (requests.length === 0) {
      messages.push({ role: 'assistant', step: call.step, content })
      // The worker told the model what is wrong with its answer; the log does not store this text.
      messages.push({ role: 'user', step: call.step })
      return
    }
    const toolCalls = requestedBy(requests, call.step)
    messages.push({ role: 'assistant', step: call.step, content, toolCalls })
  }

  /** The prompt and the earlier messages; undefined for a goal, whose messages also hold results of other tasks. */
  const messagesSoFar = (): Pick<TaskCall, 'messages'> => {
    if (start === undefined || start.spec.goal !== undefined) return {}
    const { system, user } = promptOf(start.spec)
    const prompt: CallMessage[] = [
      { role: 'system', content: clip(system, textBytes) },
      { role: 'user', content: clip(user, textBytes) },
    ]
    // Tool calls of one answer end in any order.
    return { messages: [...prompt, ...messages.toSorted((a, b) => (a.step ?? 0) - (b.step ?? 0))] }
  }

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
    if (kind === 'tool') return { ...shown, ...asked, error: isWrong(output) }
    const toolCalls = requestedBy(toolCallsIn(output), step)
    return { ...shown, ...messagesSoFar(), ...(toolCalls.length === 0 ? {} : { toolCalls }) }
  }

  const visit = (call: JournaledCall, place: Place): TaskCall | undefined => {
    if (call.step === step) return found(call, place)
    remember(call)
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
    const { result, by, lastCall: times } = event
    const call: JournaledCall = {
      step,
      kind: 'llm',
      name: by?.model ?? start.spec.model,
      output: { text: typeof result === 'string' ? result : JSON.stringify(result) },
      usage: lessUsage(event.usage, usage),
      ...given({ by, times }),
    }
    return found(call, place)
  }

  return {
    add({ event, seq }) {
      if (event.type === 'submitted') {
        start = event
        return replayed(event)
      }
      if ('attempt' in event) {
        const node = ('node' in event ? event.node : undefined) ?? event.placed?.node
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

function isWrong(output: JournaledCall['output']): boolean {
  return (output as { readonly error?: unknown } | null)?.error === true
}
