import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashLargeSpec, hashSpec } from '../src/task-id.ts'
import { isSmallJson, jsonProblem } from '../src/values/json-limits.ts'

const options = { seed: 1, numRuns: 2_000 }
/** Texts that JSON escapes in part or writes in several bytes, with names that objects order as numbers. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud800', '😀', '"\\', '\n', '€', '10', '9', '01', '4294967295'),
)
const value = fc.letrec((part) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    anyText,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, false, -0, 1e21, undefined),
    fc.array(part('any'), { maxLength: 4 }),
    fc.dictionary(anyText, part('any'), { maxKeys: 4 }),
  ),
})).any

test('the size of a value is counted as JSON writes it, to the byte', () => {
  fc.assert(
    fc.property(value, (each) => {
      const bytes = Buffer.byteLength(JSON.stringify(each ?? null))
      expect(isSmallJson(each ?? null, bytes)).toBe(true)
      expect(isSmallJson(each ?? null, bytes - 1)).toBe(false)
    }),
    options,
  )
})

test('a value that is too deep, too large, or has an endless number is refused in words that say what to do', () => {
  const limits = { depthMax: 2, bytesMax: 1024 }
  expect(jsonProblem([[1]], limits)).toBeUndefined()
  expect(jsonProblem([[[1]]], limits)).toBe('must be at most 2 levels deep')
  expect(jsonProblem([-Infinity], limits)).toMatch(/^must have numbers below 1.8e308/)
  expect(jsonProblem('x'.repeat(1023), limits)).toBe('must be at most 1 KiB as compact JSON')
})

test('the fingerprint of a body is independent of the order of its keys, and stays the same between releases, also if it is made in parts', async () => {
  expect(hashSpec({ b: [1, { d: 1, c: 2 }], a: 'x' })).toBe(
    hashSpec({ a: 'x', b: [1, { c: 2, d: 1 }] }),
  )
  const former = (each: unknown): string =>
    JSON.stringify(each, (_key, inner: unknown) =>
      inner !== null && typeof inner === 'object' && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    )
  await fc.assert(
    fc.asyncProperty(value, async (each) => {
      const digest = createHash('sha256')
        .update(former(each ?? null))
        .digest('base64url')
      expect(hashSpec(each ?? null)).toBe(digest.slice(0, 22))
      const parts = hashLargeSpec(each ?? null, () => Promise.resolve())
      expect(await parts).toBe(digest.slice(0, 22))
    }),
    options,
  )
})

test('the fingerprint of a megabyte pauses after each part', async () => {
  const spec = { list: Array.from({ length: 300_000 }, () => 1), texts: ['x'.repeat(500_000)] }
  let pauses = 0
  const parts = await hashLargeSpec(spec, async () => {
    pauses += 1
  })
  expect(parts).toBe(hashSpec(spec))
  expect(pauses).toBeGreaterThan(100)
})
