import { expect, test } from 'vitest'
import { QUIRKS, withQuirk } from '../src/reply/quirks.ts'

const chunk = (delta: string, finish: string): string =>
  `data: {"choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]}\n\n`
const TAIL = `${chunk('{}', '"stop"')}data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n`

function played(quirk: (typeof QUIRKS)[number]): string {
  function* frames(): Generator<string, string> {
    yield chunk('{"content":"one"}', 'null')
    yield chunk(
      '{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}',
      'null',
    )
    return TAIL
  }
  let text = ''
  const all = withQuirk(quirk, frames())
  for (let next = all.next(); ; next = all.next()) {
    text += next.value ?? ''
    if (next.done === true) return text
  }
}

test('every quirk of the simulator changes the bytes of a stream', () => {
  function* plain(): Generator<string, string> {
    yield chunk('{"content":"one"}', 'null')
    yield chunk(
      '{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}',
      'null',
    )
    return TAIL
  }
  const whole = [...plain()].join('') + TAIL
  for (const quirk of QUIRKS) expect(played(quirk), quirk).not.toBe(whole)
})

test.each<[(typeof QUIRKS)[number], RegExp]>([
  ['bom', /^\uFEFFdata/],
  ['no-index', /"tool_calls":\[\{"id"/],
  ['content-list', /"content":\[\{"type":"text","text":"one"\}\]/],
  ['text-usage', /"prompt_tokens":"3"/],
  ['index-one', /"choices":\[\{"index":1,"delta":\{"content":"one"/],
  ['signature', /"index":0,"extra_content":\{"google":\{"thought_signature":"\w+"\}\},"id":"c"/],
  ['finish-in-delta', /"delta":\{"finish_reason":"stop"\},"finish_reason":null/],
  ['end-event', /event: end\ndata: \{\}\n\n$/],
  ['usage-each-piece', /"content":"one"\},"finish_reason":null\}\],"usage":\{"prompt_tokens":8/],
  ['error-in-choice', /"finish_reason":"error","error":\{/],
  ['finish-length', /"finish_reason":"length"/],
])(
  'a stream of the simulator with the quirk %s contains the bytes that define this quirk',
  (quirk, expected) => {
    expect(played(quirk)).toMatch(expected)
  },
)
