/** The text after the last token, if any. */
export type Tail = string | undefined

const DONE = 'data: [DONE]\n\n'
const USAGE_EVENT = /data: [^\n]*"choices":\[\],"usage":[^\n]*\n\n/
const FINISH = /"finish_reason":"[a-z_]+"/
const ERROR_EVENT =
  'data: {"error":{"message":"Simulated trouble within an answer.","type":"server_error","code":502}}\n\n'
const CHOICE_ERROR_EVENT =
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"message":"Simulated trouble within a choice.","code":503}}]}\n\n'
const SIGNATURE = '"extra_content":{"google":{"thought_signature":"c2ltdWxhdGVk"}}'
const ONE_TOKEN = '{"prompt_tokens":8,"completion_tokens":1,"total_tokens":9}'

interface Change {
  /** Sent before the first frame. */
  readonly start?: string
  readonly frame?: (frame: string) => string
  /** The end of the stream. */
  readonly tail?: (tail: string) => string
}

const everywhere = (change: (text: string) => string): Change => ({ frame: change, tail: change })
const finish = (reason: string): Change => ({
  tail: (tail) => tail.replace(FINISH, `"finish_reason":${reason}`),
})

/**
 * Quirks: peculiarities of real endpoints in a whole stream. A good client reads the same answer from it, or,
 * for the last five, reports a failure with a code. Each changes the frames in the way of its name.
 */
const CHANGES = {
  crlf: everywhere((text) => text.replaceAll('\n', '\r\n')),
  bom: { start: '\uFEFF' },
  comments: everywhere((text) => text.replaceAll('data: ', ': keep-alive\n\ndata: ')),
  'empty-events': { start: 'data:\n\n', frame: (frame) => `data: \n\n${frame}` },
  'no-done': { tail: (tail) => tail.replace(DONE, '') },
  'no-final-blank': { tail: (tail) => tail.replace(DONE, '').replace(/\n$/, '') },
  'no-usage': { tail: (tail) => tail.replace(USAGE_EVENT, '') },
  'text-usage': { tail: (tail) => tail.replaceAll(/(_tokens":)(\d+)/g, '$1"$2"') },
  'content-list': {
    frame: (frame) =>
      frame.replaceAll(/"content":("(?:[^"\\]|\\.)*")/g, '"content":[{"type":"text","text":$1}]'),
  },
  reasoning: {
    start:
      'data: {"choices":[{"index":0,"delta":{"reasoning_content":"Simulated thoughts."}}]}\n\n',
  },
  'second-choice': {
    frame: (frame) => `${frame}data: {"choices":[{"index":1,"delta":{"content":"noise"}}]}\n\n`,
  },
  'index-one': everywhere((text) =>
    text.replaceAll('"choices":[{"index":0', '"choices":[{"index":1'),
  ),
  // As Gemini signs its calls.
  signature: {
    frame: (frame) =>
      frame.replaceAll(/("tool_calls":\[\{(?:"index":\d+,)?)("id")/g, `$1${SIGNATURE},$2`),
  },
  'finish-in-delta': {
    tail: (tail) =>
      tail.replace(
        /"delta":\{\}(.*?)"finish_reason":("[a-z_]+")/,
        '"delta":{"finish_reason":$2}$1"finish_reason":null',
      ),
  },
  'end-event': { tail: (tail) => tail.replace(DONE, 'event: end\ndata: {}\n\n') },
  'usage-each-piece': {
    frame: (frame) =>
      frame
        .replaceAll(',"usage":null', '')
        .replaceAll('"finish_reason":null}]', `"finish_reason":null}],"usage":${ONE_TOKEN}`),
    tail: (tail) => tail.replace(USAGE_EVENT, ''),
  },
  'no-index': { frame: (frame) => frame.replaceAll(/("tool_calls":\[\{)"index":\d+,/g, '$1') },
  'no-finish-reason': finish('null'),
  'finish-length': finish('"length"'),
  'finish-filter': finish('"content_filter"'),
  'finish-unknown': finish('"simulated"'),
  'error-within': { tail: () => ERROR_EVENT },
  'error-in-choice': { tail: () => CHOICE_ERROR_EVENT },
} as const satisfies Readonly<Record<string, Change>>

/** The name of a quirk. */
export type Quirk = keyof typeof CHANGES

/** The names of all quirks, in the order of the dice. */
export const QUIRKS = Object.keys(CHANGES) as readonly Quirk[]

/** Whether a text names a quirk. */
export function isQuirk(value: unknown): value is Quirk {
  return QUIRKS.some((quirk) => quirk === value)
}

/** The frames of a stream with a quirk. */
export function* withQuirk(quirk: Quirk, frames: Iterator<string, Tail>): Generator<string, Tail> {
  const { start = '', frame = same, tail = same }: Change = CHANGES[quirk]
  let opening = start
  for (;;) {
    const next = frames.next()
    if (next.done === true) return `${opening}${tail(next.value ?? '')}`
    yield `${opening}${frame(next.value)}`
    opening = ''
  }
}

function same(text: string): string {
  return text
}
