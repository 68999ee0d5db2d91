import { expect, test } from 'vitest'
import {
  bytes,
  costText,
  count,
  duration,
  ofAtMost,
  percent,
  plural,
  usd,
  usdLimit,
} from '../../src/index.ts'

test.for<
  [write: string, of: (value: never) => string, table: readonly (readonly [unknown, string])[]]
>([
  [
    'count with separators, and from a million with a unit',
    count,
    [
      [undefined, '—'],
      [NaN, '—'],
      [0, '0'],
      [999, '999'],
      [12_345, '12,345'],
      [-12_345, '-12,345'],
      [999_999, '999,999'],
      [1_240_000, '1.24 M'],
      [999_499_999, '999 M'],
      [999_600_000, '1.00 G'],
      [2_000_000_000_000_000, '2000 T'],
    ],
  ],
  [
    'fraction with one decimal if it is small',
    count,
    [
      [0.25, '0.3'],
      [4.24, '4.2'],
      [123.4, '123'],
    ],
  ],
  [
    'cost that is zero, unknown or very small in three different ways',
    usd,
    [
      [undefined, 'unpriced'],
      [0, '$0'],
      [0.000_01, '< $0.0001'],
      [0.001_23, '$0.0012'],
      [1.5, '$1.50'],
    ],
  ],
  [
    'limit in USD with its first two digits, so that the text says what is allowed',
    usdLimit,
    [
      [0, '$0'],
      [1e-12, '$0.000000001'],
      [0.000_000_025, '$0.000000025'],
      [0.000_02, '$0.00002'],
      [0.000_06, '$0.00006'],
      [0.001_23, '$0.0012'],
      [0.5, '$0.50'],
      [20, '$20.00'],
    ],
  ],
  [
    'cost of calls with what is known of it',
    costText,
    [
      [{ llmCalls: 0 }, '$0'],
      [{ llmCalls: 1 }, 'unpriced'],
      [{ llmCalls: 1, costUsd: 0 }, '$0'],
      [{ llmCalls: 1, costUsd: 0.5 }, '$0.50'],
      [{ llmCalls: 2, costUsd: 0.5, unpricedCalls: 1 }, '≥ $0.50'],
      [{ costUsd: 0, unpricedCalls: 1 }, 'unpriced'],
    ],
  ],
  [
    'share so that only nothing is 0 % and only all is 100 %',
    percent,
    [
      [undefined, '—'],
      [0, '0 %'],
      [0.001, '< 1 %'],
      [0.5, '50 %'],
      [0.999, '> 99 %'],
      [1, '100 %'],
    ],
  ],
  [
    'size in bytes with a unit',
    bytes,
    [
      [undefined, '—'],
      [512, '512 B'],
      [1_500_000, '1.50 MB'],
      [999_400, '999 kB'],
      [999_600, '1.00 MB'],
      [3_000_000_000_000_000, '3000 TB'],
    ],
  ],
  [
    'duration with two units at most',
    duration,
    [
      [undefined, '—'],
      [Infinity, '—'],
      [-5, '0 ms'],
      [840, '840 ms'],
      [999.6, '1.0 s'],
      [12_440, '12.4 s'],
      [59_990, '59.9 s'],
      [185_000, '3 m 05 s'],
      [7_800_000, '2 h 10 m'],
      [273_600_000, '3 d 4 h'],
    ],
  ],
])('the page and the command line write a %s', ([, write, table]) => {
  expect(table.map(([value]) => write(value as never))).toEqual(table.map(([, text]) => text))
})

test('the page and the command line write a limit behind an amount, and nothing if there is none', () => {
  expect(`${usd(0)}${ofAtMost(0.000_02, usdLimit)}`).toBe('$0 of at most $0.00002')
  expect(`${usd(0)}${ofAtMost(undefined, usdLimit)}`).toBe('$0')
})

test('the page and the command line write a noun in the right number', () => {
  expect([0, 1, 2].map((value) => plural(value, 'task'))).toEqual(['0 tasks', '1 task', '2 tasks'])
})
