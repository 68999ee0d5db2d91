import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MUTATIONS } from '../src/mutations/index.ts'
import { editsOf, testOf } from '../src/mutations/mutation.ts'
import { hasTitle } from './titles.ts'

const ROOT = new URL('../../../', import.meta.url)
const textOf = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8')

describe('the mutations of `npm run mutate`', () => {
  const edits = MUTATIONS.flatMap((mutation) =>
    editsOf(mutation).map((edit) => ({ ...edit, name: mutation.name })),
  )

  it.each(edits)(
    'the text that the mutation $name replaces occurs in $file exactly once',
    ({ file, find }) => {
      expect(textOf(file).split(find)).toHaveLength(2)
    },
  )

  it.each(MUTATIONS)('the mutation $name refers to a test that exists', (mutation) => {
    expect(hasTitle(textOf(testOf(mutation)), mutation.caughtBy)).toBe(true)
  })

  it.each(MUTATIONS)(
    'the mutation $name is detected by a test of npm test, not only by test:full',
    (mutation) => {
      expect(testOf(mutation)).not.toMatch(/\.full\.test\.ts$/)
    },
  )

  it('have different names', () => {
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length)
  })
})
