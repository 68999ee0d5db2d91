import { expect, test } from 'vitest'
import { jsonErrorPlace } from '../src/index.ts'

test.each([
  ['{"a": 1}', undefined],
  ['', 'line 1, column 1'],
  ['{"a": 1', 'line 1, column 8'],
  ['{"a": 1,}', 'line 1, column 9'],
  ['{\n  "a": x\n}', 'line 2, column 8'],
  ["{'a': 1}", 'line 1, column 2'],
  ['{"a": "b}', 'line 1, column 10'],
  ['{"a": tru }', 'line 1, column 10'],
  [`{"a": [${'1,'.repeat(500)} no]}`, 'line 1, column 1010'],
])('the place where %j stops being JSON is %s', (text, place) => {
  expect(jsonErrorPlace(text)).toBe(place)
})
