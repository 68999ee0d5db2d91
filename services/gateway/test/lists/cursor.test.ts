import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor } from '../../src/lists/cursor.ts'

test('a cursor of a list leads to the position at which its page ended', () => {
  const after = '00001795553957431:6bd7eede-ea4b-8409-be6d-1c247a513737'
  expect(decodeCursor(encodeCursor('failed', after), 'failed')).toBe(after)
  expect(decodeCursor(encodeCursor('', after), '')).toBe(after)
})

test('a cursor of another list and a cursor that was cut off or changed are refused', () => {
  const cursor = encodeCursor('failed', '1:a')
  for (const [given, state] of [
    [cursor, ''],
    [cursor, 'queued'],
    [`${cursor}A`, 'failed'],
    [cursor.slice(0, -4), 'failed'],
    [Buffer.from('failed\n2:b').toString('base64url'), 'failed'],
    ['zzz', ''],
    [encodeCursor('', 'a\u0000b'), ''],
    [encodeCursor('', ''), ''],
  ] as const) {
    expect(() => decodeCursor(given, state)).toThrow(/nextCursor/)
  }
})
