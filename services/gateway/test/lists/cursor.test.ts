import { expect, test } from 'vitest'
import { nextOf, positionOf } from '../../src/lists/cursor.ts'

const cursorOf = (listing: string, after: string) => nextOf(listing, after).nextCursor

test('a cursor of a list leads to the position at which its page ended', () => {
  const after = '00001795553957431:6bd7eede-ea4b-8409-be6d-1c247a513737'
  expect(positionOf(cursorOf('failed', after), 'failed')).toEqual({ after })
  expect(positionOf(cursorOf('', after), '')).toEqual({ after })
})

test('a cursor of another list and a cursor that was cut off or changed are refused', () => {
  const cursor = cursorOf('failed', '1:a') ?? ''
  for (const [given, state] of [
    [cursor, ''],
    [cursor, 'queued'],
    [`${cursor}A`, 'failed'],
    [cursor.slice(0, -4), 'failed'],
    [Buffer.from('failed\n2:b').toString('base64url'), 'failed'],
    ['zzz', ''],
    [cursorOf('', 'a\u0000b'), ''],
    [cursorOf('', ''), ''],
  ] as const) {
    expect(() => positionOf(given, state)).toThrow(/nextCursor/)
  }
})
