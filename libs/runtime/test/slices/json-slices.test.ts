import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseInSlices } from '../../src/index.ts'

const LARGE = 40_000

function parse(text: string): Promise<unknown> {
  return parseInSlices(Buffer.from(text), JSON)
}

/** Texts that are longer than one part, in containers that are, too. */
const large = fc.tuple(fc.jsonValue(), fc.string(), fc.nat(3)).map(([value, text, levels]) => {
  let made: unknown = [value, 'x'.repeat(LARGE), { [text]: value }, text]
  for (let level = 0; level < levels; level += 1) {
    made = level % 2 === 0 ? { [`${text}${level}`]: made, value } : [value, made, value]
  }
  return made
})

test('a text that is parsed in slices gives the same value as the same text at once', async () => {
  await fc.assert(
    fc.asyncProperty(large, fc.constantFrom(undefined, 1), async (value, space) => {
      const text = ` ${JSON.stringify(value, undefined, space)}\n`
      // The order of names counts, too.
      expect(JSON.stringify(await parse(text))).toBe(JSON.stringify(JSON.parse(text)))
    }),
    { numRuns: 100 },
  )
})

test('a text with one byte too few, too many or wrong is refused in slices if it is refused at once', async () => {
  const damage = fc.tuple(
    fc.nat(),
    fc.constantFrom('', ',', ':', '[', ']', '{', '}', '"', '\\', ' ', '1'),
  )
  await fc.assert(
    fc.asyncProperty(large, damage, fc.boolean(), async (value, [at, byte], replace) => {
      const text = JSON.stringify(value).replace(
        /x+/,
        (part) => `"${'[1],'.repeat(part.length / 4)}"`,
      )
      const place = at % text.length
      const damaged = text.slice(0, place) + byte + text.slice(place + (replace ? 1 : 0))
      let expected: unknown
      try {
        expected = JSON.parse(damaged)
      } catch {
        await expect(parse(damaged)).rejects.toThrow(SyntaxError)
        return
      }
      expect(await parse(damaged)).toEqual(expected)
    }),
    { numRuns: 300 },
  )
})

test.each([
  ['an end that is missing', `[${'1,'.repeat(LARGE)}1`, /Unexpected end/],
  ['another end', `[${'1,'.repeat(LARGE)}1}`, /Unexpected token "}"/],
  ['text behind the end', `[${'1,'.repeat(LARGE)}1] 2`, /Unexpected token "2"/],
  ['a comma before the end', `[${'1,'.repeat(LARGE)}]`, /Unexpected token ']'/],
  ['two commas', `[[${'1,'.repeat(LARGE)}1],,1]`, /Unexpected/],
  ['too many levels', `${'['.repeat(LARGE)}${']'.repeat(LARGE)}`, /levels/],
])('a large text with %s is refused with its place', async (_what, text, problem) => {
  await expect(parse(text)).rejects.toThrow(problem)
})

test('a megabyte of objects with new names lets other work run every 20 ms', async () => {
  const members = Array.from({ length: 70_000 }, (_, at) => `{"name${at}":1}`)
  const text = Buffer.from(`{"context":[${members.join()}]}`)
  let longestMs = 0
  let done = false
  const other = (async () => {
    for (let lastMs = performance.now(); !done;) {
      await nextTurn()
      const nowMs = performance.now()
      longestMs = Math.max(longestMs, nowMs - lastMs)
      lastMs = nowMs
    }
  })()
  const startedMs = performance.now()
  await parseInSlices(text, JSON)
  const tookMs = performance.now() - startedMs
  done = true
  await other
  // A busy machine takes longer for everything; at once the text would take most of the time.
  expect(longestMs).toBeLessThan(Math.max(20, tookMs / 2))
})
