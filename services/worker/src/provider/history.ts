import type { Json } from '@agentfleet/domain'
import type { Message } from '../run/conversation.ts'
import type { Capabilities } from './capabilities.ts'
import { isRecord } from './shape.ts'
import { plainId } from './tool-calls.ts'

/**
 * The conversation in the form that one endpoint accepts. The run keeps the original answers; this
 * module converts them for the endpoint that is asked now, which may differ from earlier endpoints.
 *
 * Invariants: each tool call has a unique id, a valid name, and arguments that are a JSON object;
 * its output has the same id; no message of the model is empty; a provider gets back only its own
 * ids, reasoning and signatures.
 */
export interface WireMessage {
  readonly role: string
  readonly content: string | null
  readonly [field: string]: Json
}

const LEGAL_NAME = /^[a-zA-Z0-9_-]{1,64}$/
const NAME_MAX = 64
/** Characters of invalid arguments that are kept, so that the model sees what it wrote. */
const UNPARSED_MAX = 2_000

/** Returns the messages for this provider. */
export function shapeHistory(
  messages: readonly Message[],
  provider: string,
  capabilities: Capabilities,
): readonly WireMessage[] {
  const used = new Set<string>()
  let ids = new Map<string, string>()
  const shaped: WireMessage[] = []
  for (const [position, message] of messages.entries()) {
    if (message.role === 'assistant') {
      ids = idsOf(message, position, used, provider, capabilities)
      const wire = assistantMessage(message, ids, provider, capabilities)
      if (wire !== undefined) shaped.push(wire)
    } else if (message.role === 'tool') {
      const id = ids.get(message.tool_call_id) ?? message.tool_call_id
      shaped.push({
        role: 'tool',
        tool_call_id: id,
        content: message.content === '' ? '(no output)' : message.content,
      })
    } else {
      shaped.push({ role: message.role, content: message.content })
    }
  }
  return withSystemRole(shaped, capabilities.systemRole)
}

type AssistantMessage = Extract<Message, { role: 'assistant' }>

function idsOf(
  { tool_calls: calls = [], origin }: AssistantMessage,
  position: number,
  used: Set<string>,
  provider: string,
  { toolIds }: Capabilities,
): Map<string, string> {
  const own = origin?.provider === undefined || origin.provider === provider
  return new Map(
    calls.map(({ id }) => {
      const keeps = own && toolIds === 'as-given' && !used.has(id)
      const wire = keeps ? id : plainId(`${position}.${id}`)
      used.add(wire)
      return [id, wire]
    }),
  )
}

function assistantMessage(
  message: AssistantMessage,
  ids: ReadonlyMap<string, string>,
  provider: string,
  capabilities: Capabilities,
): WireMessage | undefined {
  const { content, tool_calls: calls = [], origin } = message
  const own = origin?.provider === provider
  const echo = reasoningOf(own ? origin?.echo : undefined, calls.length > 0, capabilities)
  if (calls.length === 0) {
    if (content === null || content.trim() === '') return undefined
    return { role: 'assistant', content, ...echo }
  }
  return {
    role: 'assistant',
    content: content === null && !capabilities.nullContent ? '' : content,
    ...echo,
    tool_calls: calls.map((call) => ({
      id: ids.get(call.id) ?? call.id,
      type: 'function',
      function: { name: legalName(call.name), arguments: legalArguments(call.arguments) },
      ...(own && call.extra !== undefined ? { extra_content: call.extra } : {}),
    })),
  }
}

function reasoningOf(
  echo: Readonly<Record<string, Json>> | undefined,
  hasToolCalls: boolean,
  { reasoning }: Capabilities,
): Readonly<Record<string, Json>> {
  if (reasoning === 'omit') return {}
  if (reasoning === 'required') return { reasoning_content: '', ...echo }
  return hasToolCalls ? (echo ?? {}) : {}
}

function legalName(name: string): string {
  if (LEGAL_NAME.test(name)) return name
  const legal = name.replaceAll(/[^a-zA-Z0-9_-]/g, '_').slice(0, NAME_MAX)
  return legal === '' ? 'unnamed_tool' : legal
}

function legalArguments(text: string): string {
  if (text.trim() === '') return '{}'
  try {
    const value: unknown = JSON.parse(text)
    if (isRecord(value)) return text
  } catch {
    // The output of the call tells the model.
  }
  return JSON.stringify({ unparsed: text.slice(0, UNPARSED_MAX) })
}

function withSystemRole(
  messages: readonly WireMessage[],
  role: Capabilities['systemRole'],
): readonly WireMessage[] {
  if (role === 'system') return messages
  if (role === 'developer') {
    return messages.map((message) => (message.role === 'system' ? { ...message, role } : message))
  }
  const instructions = messages
    .filter((message) => message.role === 'system')
    .map(({ content }) => content ?? '')
  const rest = messages.filter((message) => message.role !== 'system')
  const [first] = rest
  const text = instructions.join('\n\n')
  if (text === '') return rest
  if (first?.role !== 'user') return [{ role: 'user', content: text }, ...rest]
  return [{ ...first, content: `${text}\n\n${first.content ?? ''}` }, ...rest.slice(1)]
}
