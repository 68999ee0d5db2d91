import { expect, test } from 'vitest'
import { rate, readable } from '../page/format/format.ts'

test('the page writes values as readable text', () => {
  expect(readable('a <b>')).toBe('a <b>')
  expect(readable({ a: 1 })).toBe('{\n  "a": 1\n}')
})

test('a rate of something rare is written for a minute, and only nothing is 0', () => {
  const rates = [0, 0.000_1, 1 / 60, 0.099, 0.1, 4.24, 12.6]
  expect(rates.map(rate)).toEqual([
    '0 /s',
    '< 0.1 /min',
    '1.0 /min',
    '5.9 /min',
    '0.1 /s',
    '4.2 /s',
    '13 /s',
  ])
})
