import { promptOf, type JournaledCall, type Submitted } from '@agentfleet/domain'
import type { CallMessage, TaskCall } from '@agentfleet/protocol'
import { clip, createClips, textIn, toolCallsIn } from './call-texts.ts'

type Asked = Pick<TaskCall, 'arguments' | 'askedBy'>

/** Creates what the calls before the call at this step say about it: its messages, and the answer that asked for it. */
export function createEarlierCalls(step: number, textBytes: number) {
  const clips = createClips(textBytes)
  const messages: CallMessage[] = []
  let asked: Asked = {}

  /** The requests in the answer of the call at this step; the position of a request fixes the step of its tool call. */
  const requestedBy = (requests: ReturnType<typeof toolCallsIn>, at: number) =>
    requests.map(({ name, text }, position) => ({
      step: at + 1 + position,
      name,
      arguments: clips.keep(text),
    }))

  return {
    requestedBy,
    /** The request for this call, if it is a tool call. */
    asked: () => asked,
    add(call: JournaledCall): void {
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
    },
    /** The prompt and the earlier messages; nothing for a goal, whose messages also hold results of other tasks. */
    messages(start: Submitted | undefined): Pick<TaskCall, 'messages'> {
      if (start === undefined || start.spec.goal !== undefined) return {}
      const { system, user } = promptOf(start.spec)
      const prompt: CallMessage[] = [
        { role: 'system', content: clip(system, textBytes) },
        { role: 'user', content: clip(user, textBytes) },
      ]
      // Tool calls of one answer end in any order.
      const inOrder = messages.toSorted((a, b) => (a.step ?? 0) - (b.step ?? 0))
      return { messages: [...prompt, ...inOrder] }
    },
  }
}
