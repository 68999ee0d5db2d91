import { describe, expect, it } from 'vitest'
import { hasTitle } from './titles.ts'

const FILE = `
describe('a node', () => {
  it("does not lose 'its' tasks", () => {})
  it.each([
    [1_400, 'connection-gone', 'dead'],
    [900, 'none', 'alive'],
  ])('with %i ms of silence and witness %s is %s', () => {})
})
test.each<[string, number]>([['waits for the last', 1]])(
  '%s',
  () => {},
)
`

describe('a title in the text of a test file', () => {
  it.each([
    /a node does not lose 'its' tasks/,
    /^with 1400 ms of silence and witness connection-gone is dead$/,
    /a node with 1400 ms/,
    /waits for the/,
    /loses .* tasks|^a node does not lose .* tasks$/,
  ])('is found by a pattern that matches the title with its values: %s', (pattern) => {
    expect(hasTitle(FILE, pattern)).toBe(true)
  })

  it.each([
    /a node loses its tasks/,
    /with 1500 ms of silence/,
    /and witness ping-failed/,
    /1_400/,
    /does not lose$/,
  ])('is not found by a pattern that matches no title: %s', (pattern) => {
    expect(hasTitle(FILE, pattern)).toBe(false)
  })

  it('is searched in little time although a title has many placeholders and the file many values', () => {
    const values = Array.from({ length: 30 }, (_, at) => `value ${at}`)
    const file = `it.each([${values.map((value) => `'${value}'`).join()}])('${'%s, '.repeat(12)}', () => {})`
    const pattern = new RegExp(`${values.join(', ')} and no more`)
    expect(hasTitle(file, pattern)).toBe(false)
    expect(hasTitle(file, /value 3, value 4, value 5/)).toBe(true)
  })
})
