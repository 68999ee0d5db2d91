import { expect, test } from 'vitest'
import { afterOf, parseFrame } from '../../src/stream/frames.ts'

const many = Array.from({ length: 1_001 }, (_, index) => `t${index}`)

test('valid frames of a WebSocket client are parsed, and missing fields get their defaults', () => {
  expect(parseFrame('{"type":"subscribe","taskIds":["a"]}')).toEqual({
    kind: 'ask',
    ask: { type: 'subscribe', taskIds: ['a'], after: 0, deltas: false },
  })
  expect(parseFrame('{"type":"subscribe","all":true}').kind).toBe('ask')
  expect(parseFrame('{"type":"unsubscribe","taskIds":["a"]}').kind).toBe('ask')
  expect(parseFrame('{"type":"subscribe","fleet":["decisions","incidents"]}').kind).toBe('ask')
  expect(parseFrame('{"type":"unsubscribe","fleet":["incidents"]}').kind).toBe('ask')
  expect(parseFrame('{"type":"ping"}').kind).toBe('ask')
})

test.each([
  '',
  '{',
  'null',
  '[]',
  '"ping"',
  '{}',
  '{"type":"publish"}',
  '{"type":"ping","x":1}',
  '{"type":"subscribe"}',
  '{"type":"subscribe","taskIds":[]}',
  '{"type":"subscribe","taskIds":[1]}',
  '{"type":"subscribe","taskIds":["a"],"after":-1}',
  '{"type":"subscribe","taskIds":["a"],"after":{"a":"1"}}',
  '{"type":"subscribe","all":false}',
  '{"type":"subscribe","fleet":[]}',
  '{"type":"subscribe","fleet":["tasks"]}',
  '{"type":"subscribe","fleet":["decisions"],"all":true}',
  '{"type":"subscribe","all":true,"taskIds":["a"]}',
  JSON.stringify({ type: 'subscribe', taskIds: many }),
])(
  'an invalid frame of a WebSocket client is refused with a detail that says what to do: %s',
  (text) => {
    const parsed = parseFrame(text)
    expect(parsed.kind).toBe('bad')
    if (parsed.kind === 'bad') expect(parsed.detail).toMatch(/^(Send|Correct) /)
  },
)

const AFTER =
  '/after must be a sequence number (an integer from 0 on), or an object with at most 1000 task ids and their sequence numbers'

test.each<readonly [object, string]>([
  [{ type: 'subscribe' }, '/taskIds is required'],
  [{ type: 'subscribe', taskIds: [] }, '/taskIds must have at least 1 entry'],
  [
    { type: 'subscribe', taskIds: ['a', ['a']] },
    '/taskIds/1 must be a text of at most 128 characters',
  ],
  [{ type: 'subscribe', taskIds: ['a'], after: { a: -1 } }, AFTER],
  [{ type: 'subscribe', taskIds: ['a'], after: 'x' }, AFTER],
  ...[-1, 1.5, null, [1], true, 2 ** 53].map(
    (after) => [{ type: 'subscribe', taskIds: ['a'], after }, AFTER] as const,
  ),
  [{ type: 'ping', x: 1 }, 'the field "x" is unknown; the known names are type'],
])('the refusal of the frame %j says in plain words what to correct', (frame, problem) => {
  const detail = `Correct the frame: ${problem}.`
  expect(parseFrame(JSON.stringify(frame))).toEqual({ kind: 'bad', detail })
})

const thousands = <T>(value: (at: number) => T): T[] =>
  Array.from({ length: 5_000 }, (_, at) => value(at))
const named = (value: unknown): object =>
  Object.fromEntries(thousands((at) => [`name${at}`, value]))

test.each<[string, object]>([
  ['unknown fields', { type: 'ping', ...named(1) }],
  ['wrong sequence numbers', { type: 'subscribe', taskIds: ['a'], after: named('x') }],
  ['sequence numbers', { type: 'subscribe', taskIds: ['a'], after: named(1) }],
  ['task ids of a wrong type', { type: 'subscribe', taskIds: thousands(() => 1) }],
  ['a thousand wrong ids', { type: 'unsubscribe', taskIds: thousands(() => ({})).slice(0, 1_000) }],
])(
  'the refusal of a frame with thousands of %s is short and takes no long turn (L7)',
  (_case, frame) => {
    const text = JSON.stringify(frame)
    parseFrame(text)
    const before = process.cpuUsage()
    const parsed = parseFrame(text)
    const { user, system } = process.cpuUsage(before)
    expect(parsed.kind).toBe('bad')
    expect(JSON.stringify(parsed).length).toBeLessThan(300)
    // One takes 2 ms; with a description of each fault it took 60 to 700.
    expect((user + system) / 1_000).toBeLessThan(40)
  },
)

test('a client may ask for the events after one sequence number for all tasks, or after one number for each task', () => {
  expect(afterOf(7, 'a')).toBe(7)
  expect(afterOf({ a: 3 }, 'a')).toBe(3)
  expect(afterOf({ a: 3 }, 'b')).toBe(0)
})
