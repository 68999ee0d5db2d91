import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MUTATIONS } from '../src/mutations.ts'

const ROOT = new URL('../../../', import.meta.url)

describe('the mutations of `npm run mutate`', () => {
  const edits = MUTATIONS.flatMap(({ name, edits }) => edits.map((edit) => ({ name, ...edit })))

  it.each(edits)('$name finds its place in $file exactly once', ({ file, find }) => {
    const source = readFileSync(new URL(file, ROOT), 'utf8')
    expect(source.split(find)).toHaveLength(2)
  })

  it('name test files that exist', () => {
    for (const { tests } of MUTATIONS) {
      const files = tests.filter((test) => test.endsWith('.ts'))
      expect(files).not.toEqual([])
      for (const file of files) expect(readFileSync(new URL(file, ROOT), 'utf8')).not.toBe('')
    }
  })
})
