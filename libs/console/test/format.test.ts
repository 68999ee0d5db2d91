import { expect, test } from 'vitest'
import {
  ago,
  bytes,
  costOf,
  count,
  duration,
  plural,
  rate,
  readable,
  shortened,
  usd,
} from '../page/format/format.ts'

test('the page writes counts with separators, and counts from 100,000 with a unit such as k or M', () => {
  const table = [
    [undefined, '—'],
    [0, '0'],
    [12_345, '12,345'],
    [99_999, '99,999'],
    [123_456, '123 k'],
    [1_240_000, '1.24 M'],
  ] as const
  for (const [value, text] of table) expect(count(value)).toBe(text)
})

test('the page writes costs that are zero, unknown or very small in three different ways', () => {
  const table = [
    [undefined, 'unpriced'],
    [0, '$0'],
    [0.000_01, '< $0.0001'],
    [0.001_23, '$0.0012'],
    [1.5, '$1.50'],
  ] as const
  for (const [value, text] of table) expect(usd(value)).toBe(text)
})

test('the page writes durations with two units at most', () => {
  const table = [
    [undefined, '—'],
    [840, '840 ms'],
    [12_440, '12.4 s'],
    [59_990, '59.9 s'],
    [185_000, '3 m 05 s'],
    [7_800_000, '2 h 10 m'],
    [273_600_000, '3 d 4 h'],
    [-5, '0 ms'],
  ] as const
  for (const [ms, text] of table) expect(duration(ms)).toBe(text)
})

test('the page writes a time so that the reader sees whether the time is in the past or in the future', () => {
  expect(ago(1_000, 1_500)).toBe('now')
  expect(ago(1_000, 13_000)).toBe('12 s ago')
  expect(ago(200_000, 13_000)).toBe('in 3 m')
})

test('the page writes sizes with a unit, nouns in the right number and values as readable text', () => {
  expect(bytes(512)).toBe('512 B')
  expect(bytes(1_500_000)).toBe('1.50 MB')
  expect(plural(1, 'task')).toBe('1 task')
  expect(plural(0, 'task')).toBe('0 tasks')
  expect(readable('a <b>')).toBe('a <b>')
  expect(readable({ a: 1 })).toBe('{\n  "a": 1\n}')
})

test('the page writes that nothing is spent without a call, and cuts a long text without splitting a character', () => {
  expect(costOf({ llmCalls: 0 })).toBe('$0')
  expect(costOf({ llmCalls: 1 })).toBe('unpriced')
  expect(costOf({ llmCalls: 1, costUsd: 0.5 })).toBe('$0.50')
  expect(costOf({ llmCalls: 2, costUsd: 0.5, unpricedCalls: 1 })).toBe('≥ $0.50')
  expect(costOf({ costUsd: 0, unpricedCalls: 1 })).toBe('unpriced')
  expect(costOf({ llmCalls: 1, costUsd: 0 })).toBe('$0')
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
