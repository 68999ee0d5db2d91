import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  ALL_CHANNELS,
  CHANNELS,
  FORMATS,
  parseEvent,
  parseItem,
  parseStored,
  parseText,
  STREAM_KINDS,
  taskPreviewSchema,
  taskRecordSchema,
  ticketSchema,
  toStored,
  type StoredChannel,
  type StoredKind,
} from '../src/index.ts'

const KINDS = Object.keys(FORMATS) as StoredKind[]
const STORED = ALL_CHANNELS.filter(
  ({ stream }) => stream !== undefined,
) as (StoredChannel<unknown> & {
  readonly name: string
})[]
const anything = z.unknown()
const ok = (value: unknown) => ({ kind: 'parsed', value })
const codeOf = (parsed: ReturnType<typeof parseText>) =>
  parsed.kind === 'parsed' ? 'parsed' : parsed.problem.code

/** Texts that no release has stored. */
const HOSTILE = [
  ['an empty text', ''],
  ['a text that is not JSON', '{nonsense'],
  ['null', 'null'],
  ['a number', '5'],
  ['a string', '"x"'],
  ['a list', '[]'],
  ['an object without its fields', '{}'],
  ['an object with fields of wrong types', '{"type":1,"atMs":"x","id":{},"spec":[],"runs":0}'],
  ['a thousand levels', '['.repeat(1_000) + ']'.repeat(1_000)],
  ['a prototype', '{"__proto__":{"toString":1}}'],
  ['an object whose format is a word', '{"format":"x"}'],
  ['an object whose format is null', '{"format":null}'],
  ['an object whose format is an object', '{"format":{"toString":1}}'],
] as const

test.each(KINDS)(
  'a stored %s contains its format number, and can be read even if the number is missing',
  (kind) => {
    const item = { type: 'submitted', atMs: 1, nested: { format: 7 } }
    const text = toStored(item, kind)
    expect(JSON.parse(text)).toEqual({ ...item, format: FORMATS[kind] })
    expect(parseStored(text, kind, anything)).toEqual(ok(item))
    expect(parseStored('{"a":1}', kind, anything)).toEqual(ok({ a: 1 }))
  },
)

test.each(KINDS)('a %s of a newer release is refused, and the refusal says what to do', (kind) => {
  const message = expect.stringContaining('start the release that stored it') as string
  for (const format of [FORMATS[kind] + 1, '1e400']) {
    const parsed = parseStored(`{"a":1,"format":${format}}`, kind, anything)
    expect(parsed).toMatchObject({ problem: { code: 'newer-format', message } })
  }
})

test('each stream has a channel for what it stores', () => {
  expect(new Set(STORED.map(({ stream }) => stream))).toEqual(new Set(Object.keys(STREAM_KINDS)))
})

describe.each(STORED)('an item of the channel $name', (channel) => {
  // What a service has learned is checked by the service.
  const isAnything = channel.body.schema === CHANNELS.state.body.schema

  test.each(HOSTILE)('that is %s gives a problem and no error', (_what, text) => {
    const isReadable = isAnything && codeOf(parseStored(text, 'ticket', anything)) === 'parsed'
    expect(codeOf(parseItem(channel, text))).toBe(isReadable ? 'parsed' : 'bad-message')
  })

  test('that is larger than the channel allows is not parsed', () => {
    const text = JSON.stringify('x'.repeat(channel.bytesMax - 1))
    expect(parseItem(channel, text)).toMatchObject({
      kind: 'unreadable',
      problem: {
        message: `the text has ${channel.bytesMax + 1} bytes, more than ${channel.bytesMax}`,
      },
    })
  })

  test('that a newer release has stored gives another problem than an unreadable item', () => {
    const newer = `{"format":${FORMATS[STREAM_KINDS[channel.stream]] + 1}}`
    expect(codeOf(parseItem(channel, newer))).toBe('newer-format')
  })
})

test.each(HOSTILE)('%s in Redis gives a problem and no error', (_what, text) => {
  expect(codeOf(parseStored(text, 'record', taskRecordSchema))).toBe('bad-message')
  expect(codeOf(parseStored(text, 'record', taskPreviewSchema))).toBe('bad-message')
  expect(codeOf(parseStored(text, 'ticket', ticketSchema))).toBe('bad-message')
})

describe('a task in Redis', () => {
  const spec = { task: 'x', agent: 'a', model: 'm', priority: 'medium', timeoutMs: 1_000 }
  const figures = { seq: 5, submittedAtMs: 1, updatedAtMs: 2, attempt: 1, failures: 0, pauses: 0 }
  const lists = { calls: [], children: [], approvals: [] }
  const whole = {
    taskId: 'a',
    tenant: 't',
    state: 'waiting',
    spec,
    usage: {},
    ...figures,
    ...lists,
  }
  const codesOf = (task: object) => {
    const text = JSON.stringify({ kind: 'task', ...task })
    return [
      codeOf(parseStored(text, 'record', taskRecordSchema)),
      codeOf(parseStored(text, 'record', taskPreviewSchema)),
    ]
  }

  test('that is whole is read', () => {
    const waits = [
      { kind: 'time', untilMs: 3 },
      { kind: 'approval' },
      { kind: 'children', taskIds: [] },
    ]
    expect(codesOf(whole)).toEqual(['parsed', 'parsed'])
    for (const waitingFor of waits) expect(codesOf({ ...whole, waitingFor })[1]).toBe('parsed')
  })

  test.each(['seq', 'submittedAtMs', 'updatedAtMs', 'attempt', 'failures', 'spec', 'usage'])(
    'that lacks %s gives a problem, so no view meets it',
    (name) =>
      expect(codesOf({ ...whole, [name]: undefined })).toEqual(['bad-message', 'bad-message']),
  )

  test.each(['pauses', 'calls', 'children', 'approvals', 'tenant'])(
    'that lacks %s is not a whole record',
    (name) => expect(codesOf({ ...whole, [name]: undefined })[0]).toBe('bad-message'),
  )

  test.each([
    { retryAtMs: 'soon' },
    { startedAtMs: null },
    { waitingFor: { kind: 'time' } },
    { waitingFor: { kind: 'children' } },
    { waitingFor: 1 },
  ])('with %j gives a problem', (part) => {
    expect(codesOf({ ...whole, ...part })).toEqual(['bad-message', 'bad-message'])
  })
})

test('the problem of a text names the wrong fields and repeats no value', () => {
  const schema = z.object({ name: z.string(), secret: z.number() })
  const parsed = parseText('{"name":"x","secret":"hidden"}', schema)
  expect(parsed).toMatchObject({
    problem: { message: expect.stringContaining('secret: ') as string },
  })
  expect(JSON.stringify([parsed, parseText('hidden', schema)])).not.toContain('hidden')
})

test('an event of a newer release is not read as an event that this release knows', () => {
  const event = { type: 'cancelled', atMs: 1, reason: 'r' }
  expect(parseEvent(toStored(event, 'event'))).toEqual(event)
  const newer = JSON.stringify({ ...event, format: FORMATS.event + 1 })
  expect(() => parseEvent(newer)).toThrow(/format 2/)
  expect(() => parseEvent('{nonsense')).toThrow('must be an event of a task')
})
