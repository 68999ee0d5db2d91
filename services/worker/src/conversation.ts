import {
  addUsage,
  NO_USAGE,
  type JournaledCall,
  type TaskSpec,
  type Usage,
} from '@agentfleet/domain'
import { z } from 'zod'

/**
 * What is said to the model, built from the task and from the calls that are already paid for. Pure:
 * the same spec and journal give the same conversation, whichever node resumes it.
 */

/** A tool the model wants called; `arguments` is JSON text as the model wrote it. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

/** What one LLM call answered. */
export interface LlmAnswer {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
}

/** One message to the model, in the form of the chat completions API. */
export type Message =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | {
      readonly role: 'assistant'
      readonly content: string | null
      readonly tool_calls?: WireCall[]
    }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string }

interface WireCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

/** A conversation and where it stands. */
export interface Conversation {
  readonly messages: readonly Message[]
  /** Position of the next call in the run. */
  readonly step: number
  /** LLM calls made. */
  readonly turns: number
  /** Tool calls of the last answer that have no output yet. */
  readonly pending: readonly ToolCall[]
  /** The answer that wants no more tools: the run's result. */
  readonly answer: string | undefined
  readonly usage: Usage
}

const toolCallSchema = z.object({ id: z.string(), name: z.string(), arguments: z.string() })
const llmOutput = z.object({ text: z.string(), toolCalls: z.array(toolCallSchema) })
const toolOutput = z.object({ id: z.string(), text: z.string() })

/** The conversation of a task before its first call. */
export function openConversation(spec: TaskSpec): Conversation {
  const role = `You are the agent "${spec.agent}".`
  const system = spec.systemPrompt === undefined ? role : `${role}\n\n${spec.systemPrompt}`
  const user =
    spec.context === undefined
      ? spec.task
      : `${spec.task}\n\nContext:\n${JSON.stringify(spec.context)}`
  return {
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: user },
    ],
    step: 0,
    turns: 0,
    pending: [],
    answer: undefined,
    usage: NO_USAGE,
  }
}

/** Adds an LLM call's answer. */
export function addAnswer(talk: Conversation, answer: LlmAnswer, usage: Usage): Conversation {
  const calls = answer.toolCalls.map((call): WireCall => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }))
  const said: Message =
    calls.length === 0
      ? { role: 'assistant', content: answer.text }
      : {
          role: 'assistant',
          content: answer.text === '' ? null : answer.text,
          tool_calls: calls,
        }
  return {
    messages: [...talk.messages, said],
    step: talk.step + 1,
    turns: talk.turns + 1,
    pending: answer.toolCalls,
    answer: calls.length === 0 ? answer.text : undefined,
    usage: addUsage(talk.usage, usage),
  }
}

/** Adds the output of a pending tool call. */
export function addToolOutput(talk: Conversation, id: string, text: string): Conversation {
  const at = talk.pending.findIndex((call) => call.id === id)
  return {
    ...talk,
    messages: [...talk.messages, { role: 'tool', tool_call_id: id, content: text }],
    step: talk.step + 1,
    pending: talk.pending.filter((_call, index) => index !== at),
  }
}

/** The conversation after every journaled call; throws when the journal cannot be read. */
export function replayConversation(spec: TaskSpec, calls: readonly JournaledCall[]): Conversation {
  let talk = openConversation(spec)
  for (const call of [...calls].sort((a, b) => a.step - b.step)) {
    if (call.kind === 'llm') {
      talk = addAnswer(talk, llmOutput.parse(call.output), call.usage)
    } else {
      const { id, text } = toolOutput.parse(call.output)
      talk = addToolOutput(talk, id, text)
    }
    // Steps of an older attempt may have gaps; the next one comes after all of them.
    talk = { ...talk, step: Math.max(talk.step, call.step + 1) }
  }
  return talk
}
