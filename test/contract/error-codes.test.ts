/** One table holds every failure code that services and the domain name. */
import { FAILURE_CODES } from '@agentfleet/domain'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readPackages } from '../architecture.ts'

/** The library of schemas has a code of this name. */
const OF_OTHERS = new Set(['custom'])

test('every error code that the domain or a service uses is in the table of failure codes', () => {
  const packages = readPackages().filter(
    ({ folder }) => folder === 'libs/domain' || folder.startsWith('services/'),
  )
  const named = packages.flatMap(({ sources }) =>
    sources.flatMap(({ path }) => {
      const codes = readFileSync(path, 'utf8').matchAll(
        /(?:\bcode: |new ServiceError\(\s*|new Refusal\(\s*|(?:fail|reject)\()'([a-z-]+)'/g,
      )
      return [...codes].map(([, code = '']) => ({ path, code }))
    }),
  )
  expect(named.length).toBeGreaterThan(50)
  const missing = named.filter(
    ({ code }) => !OF_OTHERS.has(code) && !Object.hasOwn(FAILURE_CODES, code),
  )
  expect(missing).toEqual([])
})

test('every error code in the table has one sentence as its meaning and is used in the code', () => {
  for (const [code, entry] of Object.entries(FAILURE_CODES)) {
    expect(entry.says, code).toMatch(/^[A-Z].*[^.]\.$/)
    expect(Object.keys(entry).length, code).toBeGreaterThan(1)
  }
})
