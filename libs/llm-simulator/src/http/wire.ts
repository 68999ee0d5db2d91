/** The bytes of OpenAI's chat completion format, streamed and whole. */
import { deltasOf, type Reply } from '../reply/reply.ts'
import { tokensOf } from '../reply/text.ts'

/** The identifiers of an answer on the wire. */
export interface Envelope {
  readonly id: string
  readonly model: string
  readonly createdAtSeconds: number
  readonly promptTokens: number
  readonly includeUsage: boolean
}

/** Says "simulated" in every answer, in a field that clients keep but do not interpret. */
const FINGERPRINT = 'fp_simulated'

/** A stream's events: yields one string per token and returns the end. */
export function* streamFrames(reply: Reply, envelope: Envelope): Generator<string, string> {
  const usage = envelope.includeUsage ? ',"usage":null' : ''
  const head = `data: ${openObject(envelope, 'chat.completion.chunk')},"choices":[`
  const before = `${head}{"index":0,"delta":`
  const after = `,"logprobs":null,"finish_reason":null}]${usage}}\n\n`
  const role = '{"role":"assistant","content":' + (reply.content === undefined ? 'null' : '""')
  let opening = `${before}${role},"refusal":null}${after}`
  for (const delta of deltasOf(reply)) {
    yield `${opening}${before}${delta}${after}`
    opening = ''
  }
  const reason = `,"logprobs":null,"finish_reason":"${reply.finishReason}"}]${usage}}\n\n`
  const total = `${head}],"usage":${usageOf(reply, envelope)}}\n\n`
  return `${opening}${before}{}${reason}${envelope.includeUsage ? total : ''}data: [DONE]\n\n`
}

/** The start of one more event, cut in the middle of its JSON. */
export function malformedFrame(envelope: Envelope): string {
  return `data: ${openObject(envelope, 'chat.completion.chunk')},"choices":[{"index":0,"del\n\n`
}

/** A whole answer in one body. */
export function wholeBody(reply: Reply, envelope: Envelope): string {
  const content = reply.content === undefined ? null : Array.from(tokensOf(reply.content)).join('')
  const calls = reply.toolCalls.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }))
  const message = {
    role: 'assistant',
    content,
    ...(calls.length > 0 && { tool_calls: calls }),
    refusal: null,
    annotations: [],
  }
  const choice = { index: 0, message, logprobs: null, finish_reason: reply.finishReason }
  const open = openObject(envelope, 'chat.completion')
  return `${open},"choices":[${JSON.stringify(choice)}],"usage":${usageOf(reply, envelope)}}`
}

function openObject(envelope: Envelope, object: string): string {
  const { id, createdAtSeconds, model } = envelope
  const kind = `{"id":"${id}","object":"${object}","created":${createdAtSeconds}`
  const origin = `"service_tier":"default","system_fingerprint":"${FINGERPRINT}"`
  return `${kind},"model":${JSON.stringify(model)},${origin}`
}

function usageOf(reply: Reply, envelope: Envelope): string {
  return JSON.stringify({
    prompt_tokens: envelope.promptTokens,
    completion_tokens: reply.completionTokens,
    total_tokens: envelope.promptTokens + reply.completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  })
}
