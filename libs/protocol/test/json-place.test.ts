import { expect, test } from 'vitest'
import { jsonErrorPlace, repeatedName } from '../src/index.ts'
import { readTenantLimits } from '../src/values/tenant-settings.ts'

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

test.each([
  ['{"a": 1, "a": 2}', 'a'],
  ['{"a": {"b": [{"c": 1, "d": {"c": 2}, "c": 3}]}}', 'c'],
  ['{"a\\u0062": 1, "ab": 2}', 'ab'],
  ['{"__proto__": 1, "__proto__": 2}', '__proto__'],
  ['{"a": {"a": [{"a": "a"}, {"a": "\\"a\\": {"}], "b": ":"}}', undefined],
  ['[["a", "a"], "a"]', undefined],
  ['"a"', undefined],
  [`{"k": "${'\\\\'.repeat(100_000)}"}`, undefined],
])('the name that %j has twice in one object is found', (text, name) => {
  expect(repeatedName(text)).toBe(name)
})

test('a setting with two entries of one name is refused, because the last one would replace the other silently', () => {
  const { problems } = readTenantLimits('{"acme": {"concurrency": 1}, "acme": {"weight": 2}}')
  expect(problems).toEqual([
    'TENANT_LIMITS: has "acme" twice in one object, and only the last one would count; keep one of them',
  ])
})
