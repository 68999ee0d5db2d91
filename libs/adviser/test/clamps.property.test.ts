import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ANSWER, SEEN, says, setup, startProvider } from './support.ts'

const anything = fc.oneof(
  fc.jsonValue(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom('none', 'burst', 'provider-limit', 0, 1, 2, 0.8, true, false, 1e308),
)
/** From arbitrary text to answers that are only slightly out of bounds. */
const answerText = fc.oneof(
  fc.json(),
  fc.string(),
  fc
    .record(
      { cause: anything, floorDelta: anything, targetUtil: anything, hold: anything },
      { requiredKeys: [] },
    )
    .map((change) => JSON.stringify({ ...ANSWER, ...change })),
  fc
    .record({ floorDelta: fc.integer({ min: -1_000, max: 1_000 }), targetUtil: fc.double() })
    .map((change) => JSON.stringify({ ...ANSWER, ...change })),
)

test('advice lies within its bounds, no matter what a provider answers, and the adviser records every answer', async () => {
  await using provider = await startProvider(says(''))
  let applied = 0
  await fc.assert(
    fc.asyncProperty(answerText, fc.integer({ min: 0, max: 25 }), async (text, nodes) => {
      provider.behaviour = says(text)
      const { ask, records } = setup({ baseUrl: provider.url })
      const advice = await ask({ ...SEEN, nodes })
      expect(records).toEqual([advice.record])
      expect(records[0]?.raw).toBe(text.slice(0, 2_000))
      if (advice.kind !== 'applied') {
        expect(advice.reason).toBe('invalid')
        return
      }
      applied += 1
      const { cause, floorDelta, targetUtil, hold, ...more } = advice.answer
      expect(['none', 'burst', 'provider-limit']).toContain(cause)
      expect(floorDelta).toBeGreaterThanOrEqual(0)
      expect(floorDelta).toBeLessThanOrEqual(nodes >= 20 || cause === 'provider-limit' ? 0 : 2)
      expect(targetUtil).toBeGreaterThanOrEqual(0.75)
      expect(targetUtil).toBeLessThanOrEqual(0.9)
      expect(typeof hold).toBe('boolean')
      expect(more).toEqual({})
      expect(records[0]?.answer).toEqual(advice.answer)
    }),
    { numRuns: 500 },
  )
  // Fewer would mean that the clamps were hardly tested.
  expect(applied).toBeGreaterThan(50)
})
