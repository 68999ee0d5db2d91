import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFraming } from '../../src/provider/answer/framing.ts'
import { delta, DONE, event, GOOD, read, usage } from './answers.ts'

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

describe('the event stream of a provider', () => {
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

  test('with an event above the size limit is read only up to the limit (L7)', () => {
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
  ])('is read when it contains %s', (_title, pieces, values) => {
    expect(frame(pieces)).toEqual(values)
  })

  test('is read only up to the size limit when it is larger (L7)', () => {
    expect(frame([`{"a":"${'x'.repeat(20_000)}"}`])).toEqual(['broken: too-large'])
  })
})

const CHUNK = { choices: [{ index: 0, delta: { content: 'The answer is 42.' } }] }
const LAST = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
const LAST_WHOLE = {
  choices: [{ index: 0, delta: { content: 'The answer is 42.' }, finish_reason: 'stop' }],
}
const TEXT = event(CHUNK)
const json = JSON.stringify

/** Frames each event of the good answer with this text in place of its field name. */
const withField = (field: string): string => GOOD.replaceAll('data: ', field)
/** Frames each event as a chunk of HTTP, a second time. */
const chunkedTwice = (text: string): string =>
  `${text
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => `${(part.length + 2).toString(16)}\r\n${part}\n\n\r\n`)
    .join('')}0\r\n\r\n`

describe('a valid answer is read correctly', () => {
  const READ = {
    'with two byte order marks': `\uFEFF\uFEFF${GOOD}`,
    'with a byte order mark in front of each event': withField('\uFEFFdata: '),
    'with two blanks behind the field name': withField('data:  '),
    'with a tab behind the field name': withField('data:\t'),
    'with the field name in capitals': withField('DATA: '),
    'with a capital in the field name': withField('Data: '),
    'with a blank in front of the field name': withField(' data: '),
    'with an indentation': withField('    data: '),
    'with a blank in front of the colon': withField('data : '),
    'with an equals sign in place of the colon': withField('data='),
    'with the names of its events': withField('event: completion\nid: 5\nretry: 100\ndata: '),
    'with an id that has NUL and a retry in words': withField('id: a\0b\nretry: soon\ndata: '),
    'with fields that the standard does not know': withField('trace-id: a-1\ndata: '),
    'with NUL as signs of life': withField('\0\n\ndata: '),
    'with NUL around it': `\0\0${GOOD}\0`,
    'with blanks as signs of life': withField('   \n\ndata: '),
    'with comments within events': withField(': ping\ndata: '),
    'with words without a field name as signs of life': withField('ping\n\ndata: '),
    'with chunks of HTTP that were framed twice': chunkedTwice(GOOD),
    'with trailers behind the end mark': `${GOOD}grpc-status: 0\r\n\r\n`,
    'with a comma behind each event': GOOD.replaceAll('}\n\n', '},\n\n'),
    'with line ends of three kinds': GOOD.replace('\n\n', '\r\n\n').replace('\n\n', '\r\r'),
    'with data behind the end mark': `${GOOD}${TEXT}`,
    'with blanks in the end mark': `${TEXT}${usage()}data: [ DONE ]\n\n`,
    'with another end mark': `${TEXT}${usage()}data: [END]\n\n`,
    'with an end mark in other brackets': `${TEXT}${usage()}data: <DONE>\n\n`,
    'with an end mark in quotes': `${TEXT}${usage()}data: "[DONE]"\n\n`,
    'with a status of completed at its end': `${TEXT}data: {"status":"completed"}\n\n`,
    'with the end mark behind its last event': `data: ${json(LAST_WHOLE)} [DONE]\n\n`,
    'with its events as texts in events': `${event(json(TEXT.trim()))}${event(LAST)}${DONE}`,
    'with an empty object in an event named done': `${TEXT}event: done\ndata: {}\n\n`,
    'with nothing in an event named done': `${TEXT}event: done\ndata:\n\n`,
    'with null in an event named end': `${TEXT}event: end\ndata: null\n\n`,
    'with the end as an object': `${TEXT}data: {"done":true}\n\n`,
    'with usage alone behind it and no end': `${TEXT}${usage()}`,
    'as JSON on several lines behind one field name': `data: ${JSON.stringify(LAST_WHOLE, null, 2)}\n\ndata: [DONE]\n\n`,
    'as JSON on several lines behind one field name, without an end': `data: ${JSON.stringify(LAST_WHOLE, null, 2)}`,
    'as JSON that follows JSON': `${json(CHUNK)}${json(LAST)}`,
    'as records': `\u001E${json(CHUNK)}\n\u001E${json(LAST)}\n`,
    'as a list': json([CHUNK, LAST]),
    'as a list that was cut behind the answer': `[${json(CHUNK)}\n,\n${json(LAST)},{"choi`,
    'as a list in one event': `${event([CHUNK, LAST])}${DONE}`,
    'as JSON lines with the end mark': `${json(CHUNK)}\r\n[DONE]\r\n`,
    'as JSON lines and events together': `${json(CHUNK)}\ndata: ${json(LAST)}\n\ndata: [DONE]\n`,
    'as JSON that is encoded twice': json(json([CHUNK, LAST])),
    'as events that are encoded twice': `${event(json(json(CHUNK)))}${event(LAST)}${DONE}`,
    'as two events on one line': `${TEXT.trim()}${delta({}, 'stop').trim()}\n\n${DONE}`,
  }
  test.each([
    ...Object.entries(READ),
    ...['[COMPLETE]', '[STOP]', '[FINISHED]', '[EOF]', '["[DONE]"]', '{"is_finished":true}'].map(
      (mark): [string, string] => [`with the end mark ${mark}`, `${TEXT}data: ${mark}\n\n`],
    ),
    ...['stop', 'completion.done', 'stream_end', 'response.completed'].map(
      (name): [string, string] => [
        `with an event named ${name}`,
        `${TEXT}event: ${name}\ndata: {}\n\n`,
      ],
    ),
    ...['undefined', 'None', 'processing', 'ok'].map((word): [string, string] => [
      `with the word ${word} as a sign of life`,
      `data: ${word}\n\n${TEXT}data: ${word}\n\n${event(LAST)}`,
    ]),
  ])('%s', (_title, body) => {
    const bytes = Buffer.from(body)
    const alone = [...bytes.keys()].map((at) => bytes.subarray(at, at + 1))
    for (const pieces of [[body], alone]) {
      const { answer } = read(pieces)
      expect(answer).toMatchObject({
        kind: 'answered',
        answer: { text: 'The answer is 42.', toolCalls: [] },
      })
    }
  })

  test.each(['\t', '\u0001', '\u2028', '\u0085'])(
    'with the character %j unescaped in its text',
    (character) => {
      const body = TEXT.replace('answer', `ans${character}wer`)
      expect(read([`${body}${event(LAST)}${DONE}`]).answer).toMatchObject({
        answer: { text: `The ans${character}wer is 42.` },
      })
    },
  )

  test('with invalid UTF-8, which is replaced by U+FFFD', () => {
    const [before = '', after = ''] = TEXT.split('answer')
    expect(read([before, Uint8Array.of(0xff), after, event(LAST)]).answer).toMatchObject({
      answer: { text: 'The \uFFFD is 42.' },
    })
  })
})

describe('the body of a provider without an answer becomes a failure', () => {
  const NONE = {
    'a page': '<html>\n<head><title>502</title></head>\n<body>Bad gateway</body>\n</html>',
    'a page with attributes': '<!DOCTYPE html><html lang="en"><body>Bad gateway</body></html>',
    'a sentence': 'upstream connect error: Bad gateway',
    'a sentence in quotes': '"Bad gateway',
  }
  test.each(Object.entries(NONE))('%s', (_title, body) => {
    const { answer } = read([body])
    expect(answer).toMatchObject({ kind: 'failed', failure: { kind: 'malformed' } })
  })

  test('with an answer of another API gets an error that names the expected API', () => {
    const { answer } = read([event({ candidates: [{ content: { parts: [{ text: 'x' }] } }] })])
    expect(answer).toMatchObject({
      failure: { kind: 'malformed', message: expect.stringContaining('OpenAI-compatible') },
    })
  })
})

test.each(['x\n', '"a"\n', '"\\', '{"', 'ping\n', '[', 'error: '])(
  "a provider's body that consists only of %j is read in reasonable time",
  (piece) => {
    const body = piece.repeat(100_000)
    const startMs = performance.now()
    for (const start of ['data: ', 'data: {', '{'])
      expect(read([start + body]).answer.kind).toBe('failed')
    expect(performance.now() - startMs).toBeLessThan(5_000)
  },
)
