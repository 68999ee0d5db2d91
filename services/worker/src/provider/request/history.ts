import type { Json } from '@agentfleet/domain'
import type { Message, ToolCall } from '../../run/conversation.ts'
import type { Capabilities } from './capabilities.ts'
import { SIGNATURES, THOUGHTS } from '../answer/echo.ts'
import { objectIn } from '../shape.ts'
import { plainId } from '../answer/tool-calls.ts'

/**
 * The conversation in the form that one endpoint accepts. The run keeps the original answers; this
 * module converts them for the endpoint that is asked now, which may differ from earlier endpoints.
 *
 * Invariants: each tool call has a unique id, a valid name, and arguments that are a JSON object;
 * its output has the same id; no message of the model is empty; a provider gets back only its own
 * ids, and a model only its own reasoning and signatures.
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

/** The provider and the model that get the messages. */
export interface Target {
  readonly provider: string
  readonly model: string
}

/** Returns the messages for this model. */
export function shapeHistory(
  messages: readonly Message[],
  target: Target,
  capabilities: Capabilities,
): readonly WireMessage[] {
  const used = new Set<string>()
  let ids = new Map<string, string>()
  const shaped: WireMessage[] = []
  for (const [position, message] of messages.entries()) {
    if (message.role === 'assistant') {
      ids = idsOf(message, position, used, target, capabilities)
      const wire = assistantMessage(message, ids, target, capabilities)
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
  { provider }: Target,
  { toolIds }: Capabilities,
): Map<string, string> {
  const own = origin?.provider === undefined || origin.provider === provider
  return new Map(
    calls.map(({ id, givenId = id }) => {
      const keeps = own && toolIds === 'as-given' && !used.has(givenId)
      const wire = keeps ? givenId : plainId(`${position}.${id}`)
      used.add(wire)
      return [id, wire]
    }),
  )
}

function assistantMessage(
  message: AssistantMessage,
  ids: ReadonlyMap<string, string>,
  { provider, model }: Target,
  capabilities: Capabilities,
): WireMessage | undefined {
  const { tool_calls: calls = [], origin } = message
  // A signature is bound to its model; another model refuses it.
  const own = origin?.provider === provider && origin.model === model
  const { [THOUGHTS]: thoughts, ...echoed } = (own ? origin.echo : undefined) ?? {}
  const echo = echoOf(echoed, calls.length > 0, capabilities)
  // Thoughts that stood in the content belong there.
  const thinks = typeof thoughts === 'string' && capabilities.reasoning !== 'omit'
  const content = thinks ? `${thoughts}\n${message.content ?? ''}` : message.content
  if (calls.length === 0) {
    if (content === null || content.trim() === '') return undefined
    return { role: 'assistant', content, ...echo }
  }
  return {
    role: 'assistant',
    content: content === null && !capabilities.nullContent ? '' : content,
    ...echo,
    tool_calls: signed(calls, own, capabilities.signatures).map((call) => ({
      id: ids.get(call.id) ?? call.id,
      type: 'function',
      function: { name: legalName(call.name), arguments: legalArguments(call.arguments) },
      ...(call.extra === undefined ? {} : { [SIGNATURES]: call.extra }),
    })),
  }
}

/** Returns what goes back with a message: its signature, and with tool calls its reasoning. */
function echoOf(
  { [SIGNATURES]: signature, ...reasoning }: Readonly<Record<string, Json>>,
  hasToolCalls: boolean,
  capabilities: Capabilities,
): Readonly<Record<string, Json>> {
  const kept = ['echo', 'required'].includes(capabilities.signatures)
  const signatures = kept && signature !== undefined ? { [SIGNATURES]: signature } : {}
  if (capabilities.reasoning === 'omit') return signatures
  if (capabilities.reasoning === 'required') {
    return { reasoning_content: '', ...reasoning, ...signatures }
  }
  return hasToolCalls ? { ...reasoning, ...signatures } : signatures
}

/** What Gemini accepts in place of the signature of a call that another model has made. */
const NO_SIGNATURE: Json = { google: { thought_signature: 'skip_thought_signature_validator' } }

/** Returns the calls of a message with the signatures for this model; it signs the first of several. */
function signed(
  calls: readonly ToolCall[],
  own: boolean,
  signatures: Capabilities['signatures'],
): readonly ToolCall[] {
  const keeps = own && (signatures === 'echo' || signatures === 'required')
  const kept = calls.map(({ extra, ...call }) =>
    keeps && extra !== undefined ? { ...call, extra } : call,
  )
  const [first, ...others] = kept
  const placed = signatures === 'required' || signatures === 'placeholder'
  if (!placed || first === undefined || kept.some((call) => 'extra' in call)) return kept
  return [{ ...first, extra: NO_SIGNATURE }, ...others]
}

function legalName(name: string): string {
  if (LEGAL_NAME.test(name)) return name
  const legal = name.replaceAll(/[^a-zA-Z0-9_-]/g, '_').slice(0, NAME_MAX)
  return legal === '' ? 'unnamed_tool' : legal
}

function legalArguments(text: string): string {
  if (text.trim() === '') return '{}'
  if (objectIn(text) !== undefined) return text
  // The output of the call tells the model what is wrong.
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
