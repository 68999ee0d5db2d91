import { assert as check, constant, dictionary, oneof, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { countedKeyProblems, countedValues } from '../../src/index.ts'

const long = 'x'.repeat(129)

test.each<[string, Record<string, string> | undefined, readonly string[], object[]]>([
  ['no key is counted', { team: 'a' }, [], []],
  ['the task has no metadata', undefined, ['team'], []],
  ['the task lacks the key', { other: 'a' }, ['team'], []],
  ['every object has a property of this name', { team: 'a' }, ['constructor'], []],
  ['the task has the key', { team: 'a' }, ['team'], [{ key: 'team', value: 'a' }]],
  ['the value is empty', { team: '' }, ['team'], [{ key: 'team', value: '' }]],
  ['the value is long', { team: long }, ['team'], [{ key: 'team', value: undefined }]],
  ['all metadata are long', { team: 'a', other: 'y'.repeat(500) }, ['team'], []],
])('the usage of a task counts for its values of the counted keys; here %s', (...row) => {
  const [, metadata, keys, expected] = row
  expect(countedValues(metadata === undefined ? {} : { metadata }, keys)).toEqual(expected)
})

test('the usage of a task counts at most once for each counted key, and only for a value that the task has', () => {
  const key = oneof(constant('team'), constant('__proto__'), string())
  check(
    property(dictionary(key, string()), (metadata) => {
      const keys = ['team', '__proto__', 'toString']
      for (const { key: counted, value } of countedValues({ metadata }, keys)) {
        expect(keys).toContain(counted)
        expect([
          undefined,
          Object.entries(metadata).find(([one]) => one === counted)?.[1],
        ]).toContain(value)
      }
    }),
  )
})

test('USAGE_METADATA_KEYS accepts up to four keys, and says which of them is wrong', () => {
  expect(countedKeyProblems(['team', 'cost.center', 'a-b', 'c_d'])).toEqual([])
  expect(countedKeyProblems(['a b'])).toEqual([
    'USAGE_METADATA_KEYS: "a b" is not a key of 1 to 64 letters, digits or ._-',
  ])
  expect(countedKeyProblems(['a', 'b', 'c', 'd', 'e'])).toEqual([
    'USAGE_METADATA_KEYS: names more than 4 keys',
  ])
})
