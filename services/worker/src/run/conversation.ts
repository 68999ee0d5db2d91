import {
  addUsage,
  NO_USAGE,
  promptOf,
  type CalledBy,
  type JournaledCall,
  type Json,
  type TaskSpec,
  type Usage,
} from '@agentfleet/domain'
import { z } from 'zod'
import type { AnswerCheck } from '@agentfleet/answer-schema'
import type { ToolOutput } from '../tools/tool.ts'

/**
 * The conversation with the model, built from the task and the journaled calls. Pure: the same spec
 * and journal give the same conversation on every node that resumes it.
 */

/** A tool call that the model requests; `arguments` is the JSON text that the model wrote. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
  /** The id that the provider gave if other providers may not accept it. */
  readonly givenId?: string
  /** What the provider wants back with the call, such as a signature. */
  readonly extra?: Json
}

/** A tool call without output, and the step under which its output will be journaled. */
export interface PendingCall extends ToolCall {
  readonly step: number
}

/** The answer of one LLM call. */
export interface LlmAnswer {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  /** Reasoning with tool calls under the provider's names; some providers want it back with the outputs. */
  readonly echo?: Readonly<Record<string, Json>>
}

/** One message of the conversation; `provider/request/history.ts` converts it for a provider. */
export type Message =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | {
      readonly role: 'assistant'
      readonly content: string | null
      readonly tool_calls?: readonly ToolCall[]
      /** The provider and model that wrote the message, and the parts that only this provider may get back. */
      readonly origin?: Origin
    }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string }

interface Origin {
  readonly provider: string | undefined
  readonly model: string | undefined
  readonly echo?: Readonly<Record<string, Json>>
}

/** A conversation and its position. */
export interface Conversation {
  readonly messages: readonly Message[]
  /** The position of the next call in the run. */
  readonly step: number
  /** The number of LLM calls. */
  readonly turns: number
  /** The tool calls of the last answer that have no output yet. */
  readonly pending: readonly PendingCall[]
  /** The number of tool calls with output. */
  readonly toolCalls: number
  /** The number of consecutive wrong tool calls. */
  readonly toolErrors: number
  /** How often the model had to correct its answer. */
  readonly repairs: number
  /** The defects of the last answer, once the model has been told often enough. */
  readonly givenUp: readonly string[] | undefined
  /** Why the last answer could not be checked: the schema is unusable. */
  readonly unchecked: UncheckedAnswer | undefined
  /** The run's result: an answer that requests no tools and satisfies the schema if there is one. */
  readonly result: Json | undefined
  readonly usage: Usage
}

/** The rule for answers; without a check every text is a result. */
export interface AnswerRule {
  readonly check: ((text: string) => Promise<AnswerCheck>) | undefined
  /** How often the model may correct its answer before the run fails. */
  readonly repairsMax: number
}

/** A check that could not decide about the answer. */
export type UncheckedAnswer = Exclude<AnswerCheck, { readonly kind: 'valid' | 'invalid' }>

const json = z.unknown().transform((value) => value as Json)
const toolCallSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    arguments: z.string(),
    givenId: z.string().optional(),
    extra: json.optional(),
  })
  .transform((call) => call as ToolCall)
const llmOutput = z
  .object({
    text: z.string(),
    toolCalls: z.array(toolCallSchema),
    echo: z.record(z.string(), json).optional(),
  })
  .transform((answer) => answer as LlmAnswer)
const toolOutput = z.object({ id: z.string(), text: z.string(), error: z.boolean().default(false) })

/** Creates the conversation of a task before its first call. */
export function openConversation(spec: TaskSpec): Conversation {
  const { system, user } = promptOf(spec)
  return {
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: user },
    ],
    step: 0,
    turns: 0,
    pending: [],
    toolCalls: 0,
    toolErrors: 0,
    repairs: 0,
    givenUp: undefined,
    unchecked: undefined,
    result: undefined,
    usage: NO_USAGE,
  }
}

/** Adds the answer of an LLM call; checks it if the rule requires this, and adds what is wrong with an invalid one. */
export async function hearAnswer(
  talk: Conversation,
  answer: LlmAnswer,
  usage: Usage,
  { check, repairsMax }: AnswerRule,
  by?: CalledBy,
): Promise<Conversation> {
  const { text, toolCalls, echo } = answer
  const origin: Origin = {
    provider: by?.provider,
    model: by?.model,
    ...(echo === undefined ? {} : { echo }),
  }
  // The position of a call fixes its step, so calls may end in any order.
  const first = talk.step + 1
  const next = {
    ...talk,
    step: first + toolCalls.length,
    turns: talk.turns + 1,
    pending: toolCalls.map((call, position) => ({ step: first + position, ...call })),
    usage: addUsage(talk.usage, usage),
  }
  if (toolCalls.length > 0) {
    const content = text === '' ? null : text
    const message: Message = { role: 'assistant', content, tool_calls: toolCalls, origin }
    return { ...next, messages: [...talk.messages, message] }
  }
  const messages: Message[] = [
    ...talk.messages,
    { role: 'assistant', content: text, ...(echo === undefined ? {} : { origin }) },
  ]
  const checked =
    check === undefined ? ({ kind: 'valid', value: text } as const) : await check(text)
  if (checked.kind === 'valid') return { ...next, messages, result: checked.value }
  if (checked.kind !== 'invalid') return { ...next, messages, unchecked: checked }
  const { problems } = checked
  if (talk.repairs >= repairsMax) return { ...next, messages, givenUp: problems }
  const list = problems.map((line) => `- ${line}`).join('\n')
  const content = `Your answer does not satisfy the JSON schema:\n${list}\nAnswer again, and send only the corrected JSON.`
  return { ...next, messages: [...messages, { role: 'user', content }], repairs: talk.repairs + 1 }
}

/** Adds the output of a pending tool call. */
export function addToolOutput(talk: Conversation, id: string, output: ToolOutput): Conversation {
  const at = talk.pending.findIndex((call) => call.id === id)
  return {
    ...talk,
    messages: [...talk.messages, { role: 'tool', tool_call_id: id, content: output.text }],
    pending: talk.pending.filter((_call, index) => index !== at),
    toolCalls: talk.toolCalls + 1,
    toolErrors: output.error ? talk.toolErrors + 1 : 0,
  }
}

/** Returns the conversation after all journaled calls; throws if the journal is invalid. */
export async function replayConversation(
  spec: TaskSpec,
  calls: readonly JournaledCall[],
  rule: AnswerRule,
): Promise<Conversation> {
  let talk = openConversation(spec)
  for (const call of [...calls].sort((a, b) => a.step - b.step)) {
    if (call.kind === 'llm') {
      talk = await hearAnswer(talk, llmOutput.parse(call.output), call.usage, rule, call.by)
    } else {
      const { id, ...output } = toolOutput.parse(call.output)
      talk = addToolOutput(talk, id, output)
    }
    // Steps of an older attempt may have gaps; the next step comes after all these steps.
    talk = { ...talk, step: Math.max(talk.step, call.step + 1) }
  }
  return talk
}
