import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shortened } from '../../src/index.ts'

test('a text with more characters than allowed is cut, and its end is marked', () => {
  expect(shortened('short', 5)).toBe('short')
  expect(shortened('longer', 4)).toBe('long…')
  expect(shortened('abc👾def', 4)).toBe('abc…')
})

test('a shortened text is the whole text or a bounded beginning of it that splits no character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, charsMax) => {
      const short = shortened(text, charsMax)
      if (text.length <= charsMax) return short === text
      const kept = short.slice(0, -1)
      return kept.length <= charsMax && text.startsWith(kept) && !/[\uD800-\uDBFF]$/.test(kept)
    }),
  )
})
