import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFraming } from '../../src/provider/framing.ts'

/** Returns the events of a body in these pieces; the last entry names what breaks it. */
function frame(pieces: readonly (string | Uint8Array)[], charactersMax = 10_000): string[] {
  const seen: string[] = []
  const framing = createFraming(charactersMax, {
    onData: (data) => seen.push(data),
    onBroken: (problem) => seen.push(`broken: ${problem}`),
  })
  for (const piece of pieces) framing.push(Buffer.from(piece))
  framing.end()
  return seen
}

describe('a body of events', () => {
  test.each<[string, string, string[]]>([
    ['one event', 'data: a\n\n', ['a']],
    ['no blank after the colon', 'data:a\n\n', ['a']],
    ['carriage return and line feed', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['carriage returns alone', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['several lines of data', 'data: a\ndata: b\n\n', ['a\nb']],
    ['names, ids and comments', ': hello\nevent: x\nid: 1\nretry: 5\ndata: a\n\n', ['a']],
    ['a byte order mark', '\uFEFFdata: a\n\n', ['a']],
    ['blank lines before the first event', '\n\n\ndata: a\n\n', ['a']],
    ['a last event without its blank line', 'data: a\n\ndata: b\n', ['a', 'b']],
    ['a last event without a line end', 'data: a\n\ndata: b', ['a', 'b']],
    ['a line without a field name', 'dbta: {"a":1}\n\ndata: b\n\n', ['broken: malformed']],
    ['nothing', '', []],
  ])('with %s is read', (_title, text, events) => {
    expect(frame([text])).toEqual(events)
  })

  test('is read the same wherever its bytes are split', () => {
    const bytes = Buffer.from(
      'data: {"a":1}\r\n\r\n: ping\n\ndata: ü🚀\ndata: b\n\ndata: [DONE]\n\n',
    )
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end))
        expect(frame(pieces)).toEqual(['{"a":1}', 'ü🚀\nb', '[DONE]'])
      }),
    )
  })

  test('with an event above the limit ends at the limit (L7)', () => {
    expect(frame(['data: a\n\n', `data: ${'x'.repeat(20_000)}`, '\n\ndata: b\n\n'])).toEqual([
      'a',
      'broken: too-large',
    ])
  })
})

describe('a JSON body instead of events', () => {
  test.each<[string, string[], string[]]>([
    ['one object', ['{"a":', '1}'], ['{"a":1}']],
    ['a list', ['[{"error":1}]'], ['[{"error":1}]']],
    ['an object over several lines', ['{\n "a": 1\n}\n'], ['{\n "a": 1\n}']],
    ['one object a line', ['{"a":1}\n{"b"', ':2}\n'], ['{"a":1}', '{"b":2}']],
    ['an object that was cut', ['{"a":'], ['{"a":']],
  ])('is read as %s', (_title, pieces, values) => {
    expect(frame(pieces)).toEqual(values)
  })

  test('above the limit ends at the limit (L7)', () => {
    expect(frame([`{"a":"${'x'.repeat(20_000)}"}`])).toEqual(['broken: too-large'])
  })
})
