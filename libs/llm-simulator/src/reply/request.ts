import { refused, type Checked } from '../http/api-error.ts'
import { isJsonObject } from '../http/json.ts'
import { parseResponseFormat, type ResponseFormat } from './structured.ts'
import { hashText } from './text.ts'

/** The part of a chat request that an answer depends on. */
export interface ChatRequest {
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly tokensMax: number | undefined
  readonly promptHash: number
  readonly promptCharacters: number
  /** Assistant messages so far: the number of the requested turn, from 0. */
  readonly turn: number
  readonly lastUserText: string
  readonly format: ResponseFormat
  /** The simulator's own field `sim`, if there is one. */
  readonly sim: Readonly<Record<string, unknown>>
}

/** Checks a chat request as OpenAI would and keeps the parts that an answer needs. */
export function parseChatRequest(body: unknown): Checked<ChatRequest> {
  if (!isJsonObject(body)) return refused('The body must be a JSON object.')
  const { model, messages, stream, stream_options: streamOptions, n, sim } = body
  if (typeof model !== 'string' || model === '') {
    return refused('You must provide a model parameter.', 'model')
  }
  if (!Array.isArray(messages) || messages.length === 0) {
    return refused("'messages' must be a list with at least one message.", 'messages')
  }
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean') {
    return refused("'stream' must be true or false.", 'stream')
  }
  if (n !== undefined && n !== null && n !== 1) {
    return refused('The simulator gives one choice: n must be 1.', 'n')
  }
  const hasOptions = streamOptions !== undefined && streamOptions !== null
  if (hasOptions && (stream !== true || !isJsonObject(streamOptions))) {
    return refused("'stream_options' needs 'stream': true.", 'stream_options')
  }
  if (sim !== undefined && !isJsonObject(sim)) return refused("'sim' must be an object.", 'sim')
  const prompt = readMessages(messages)
  if (typeof prompt === 'string') return refused(prompt, 'messages')
  const tokensName = body['max_completion_tokens'] == null ? 'max_tokens' : 'max_completion_tokens'
  const tokensMax = body[tokensName] ?? undefined
  if (tokensMax !== undefined && !isCount(tokensMax)) {
    return refused(`'${tokensName}' must be a whole number of at least 1.`, tokensName)
  }
  const format = parseResponseFormat(body['response_format'])
  if (format.kind === 'refused') {
    return refused(`Invalid 'response_format': ${format.why}.`, 'response_format')
  }
  const value: ChatRequest = {
    ...prompt,
    format: format.value,
    model,
    stream: stream === true,
    includeUsage: isJsonObject(streamOptions) && streamOptions['include_usage'] === true,
    tokensMax,
    sim: sim ?? {},
  }
  return { kind: 'ok', value }
}

type Prompt = Pick<ChatRequest, 'promptHash' | 'promptCharacters' | 'turn' | 'lastUserText'>

function readMessages(messages: readonly unknown[]): Prompt | string {
  let promptHash = hashText('')
  let promptCharacters = 0
  let turn = 0
  let lastUserText = ''
  for (const [index, message] of messages.entries()) {
    if (!isJsonObject(message) || typeof message['role'] !== 'string') {
      return `messages[${index}] must be an object with a role.`
    }
    const text = textOf(message['content'])
    if (text === undefined) return `messages[${index}].content must be text or a list of parts.`
    promptHash = hashText(text, hashText(message['role'], promptHash))
    promptCharacters += text.length
    if (message['role'] === 'assistant') turn += 1
    if (message['role'] === 'user') lastUserText = text
  }
  return { promptHash, promptCharacters, turn, lastUserText }
}

function textOf(content: unknown): string | undefined {
  if (content === undefined || content === null) return ''
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return undefined
  let text = ''
  for (const part of content as readonly unknown[]) {
    if (!isJsonObject(part)) return undefined
    if (typeof part['text'] === 'string') text += part['text']
  }
  return text
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1
}
