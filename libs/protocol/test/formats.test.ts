import { expect, test } from 'vitest'
import { FORMATS, fromStored, parseEvent, toStored, type StoredKind } from '../src/index.ts'

const KINDS = Object.keys(FORMATS) as StoredKind[]

test.each(KINDS)(
  'a stored %s contains its format number, and can be read even if the number is missing',
  (kind) => {
    const item = { type: 'submitted', atMs: 1, nested: { format: 7 } }
    const text = toStored(item, kind)
    expect(JSON.parse(text)).toEqual({ ...item, format: FORMATS[kind] })
    expect(fromStored(text, kind)).toEqual(item)
  },
)

test.each(KINDS)('a stored %s without a format number has the first format', (kind) => {
  expect(fromStored('{"a":1}', kind)).toEqual({ a: 1 })
})

test.each(KINDS)('a %s of a newer release is refused, and the refusal says what to do', (kind) => {
  const newer = JSON.stringify({ a: 1, format: FORMATS[kind] + 1 })
  expect(() => fromStored(newer, kind)).toThrow(/start the release that stored it/)
  expect(() => fromStored('{"format":"x"}', kind)).toThrow(/newer/)
})

test('an event of a newer release is not read as an event that this release knows', () => {
  const event = { type: 'cancelled', atMs: 1, reason: 'r' }
  expect(parseEvent(toStored(event, 'event'))).toEqual(event)
  const newer = JSON.stringify({ ...event, format: FORMATS.event + 1 })
  expect(() => parseEvent(newer)).toThrow(/format 2/)
})
