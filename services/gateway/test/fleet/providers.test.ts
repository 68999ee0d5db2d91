import { expect, test } from 'vitest'
import { together } from '../../src/fleet/providers.ts'

const model = {
  provider: 'first',
  model: 'm',
  calls: 10,
  breaker: 'closed' as const,
  closedForMs: 0,
  learned: ['streamOptions=false'],
  firstTokenMs: 100,
  keyLimits: { requestsPerMinute: 600, requestsLeft: 5, closedForMs: 0, waiting: 2 },
}

test('the reports of several nodes about one model are merged into one entry with the worst state and the mean values', () => {
  const other = {
    ...model,
    calls: 30,
    breaker: 'open' as const,
    closedForMs: 2_000,
    learned: ['toolIds=plain'],
    firstTokenMs: 200,
    lastError: { kind: 'status 429', agoMs: 5 },
    keyLimits: { requestsPerMinute: 500, requestsLeft: -1, closedForMs: 40, waiting: 1 },
  }
  expect(together([[model], [other]])).toEqual([
    {
      provider: 'first',
      model: 'm',
      nodes: 2,
      calls: 40,
      breaker: 'open',
      closedForMs: 2_000,
      learned: ['streamOptions=false', 'toolIds=plain'],
      firstTokenMs: 175,
      lastError: { kind: 'status 429', agoMs: 5 },
      keyLimits: { requestsPerMinute: 500, requestsLeft: -1, closedForMs: 40, waiting: 3 },
    },
  ])
})

test('models are sorted by their calls, most calls first', () => {
  const rare = { ...model, model: 'rare', calls: 1 }
  expect(together([[rare, model]]).map((each) => each.model)).toEqual(['m', 'rare'])
})
