import { expect, test } from 'vitest'
import { ago, rate, readable, shortened } from '../page/format/format.ts'

test('the page writes a time so that the reader sees whether the time is in the past or in the future', () => {
  expect(ago(1_000, 1_500)).toBe('now')
  expect(ago(1_000, 13_000)).toBe('12 s ago')
  expect(ago(200_000, 13_000)).toBe('in 3 m')
})

test('the page writes values as readable text, and cuts a long text without splitting a character', () => {
  expect(readable('a <b>')).toBe('a <b>')
  expect(readable({ a: 1 })).toBe('{\n  "a": 1\n}')
  expect(shortened('short', 5)).toBe('short')
  expect(shortened('longer', 4)).toBe('long …')
  expect(shortened('abc👾def', 4)).toBe('abc …')
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
