import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWaitQueue } from '../../src/limits/wait-queue.ts'

interface Call {
  readonly id: string
  readonly tenant: string
  readonly priority: 'low' | 'medium' | 'high'
  readonly sinceMs: number
  readonly tokens: number
}
const call = (id: string, tenant: string, change: Partial<Call> = {}): Call => ({
  id,
  tenant,
  priority: 'medium',
  sinceMs: 0,
  tokens: 0,
  ...change,
})
const ids = (calls: readonly Call[]) => calls.map(({ id }) => id).join(' ')

test('the calls of a tenant with few calls take turns with the backlog of another tenant, no matter what priority the backlog has', () => {
  const queue = createWaitQueue<Call>()
  for (let n = 0; n < 100; n += 1)
    queue.add(call(`b${n}`, 'busy', { priority: 'high', sinceMs: n }))
  queue.add(call('q0', 'quiet', { priority: 'low', sinceMs: 500 }))
  queue.add(call('q1', 'quiet', { priority: 'low', sinceMs: 501 }))
  expect(ids(queue.first(5))).toBe('b0 q0 b1 q1 b2')
  expect(queue.placeOf(call('q2', 'quiet', { priority: 'low', sinceMs: 502 }))).toBe(5)
})

test('a tenant with long prompts gets fewer turns than a tenant with short prompts', () => {
  const queue = createWaitQueue<Call>()
  for (let n = 0; n < 10; n += 1) {
    queue.add(call(`l${n}`, 'long', { tokens: 3_000 }))
    queue.add(call(`s${n}`, 'short'))
  }
  expect(ids(queue.first(6))).toBe('l0 s0 s1 s2 s3 l1')
})

/** Arrivals of calls and turns, of one flooding and one quiet tenant. */
const histories = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('flood' as const) },
    { weight: 1, arbitrary: fc.constantFrom('quiet' as const) },
    { weight: 5, arbitrary: fc.constantFrom('turn' as const) },
  ),
  { maxLength: 300 },
)
const TOKENS_MAX = 4_000
/** Calls without tokens that count as much as the largest one, and one more. */
const TURNS = 6

test('a quiet tenant waits for a bounded number of turns, no matter how many calls another tenant sends', () => {
  fc.assert(
    fc.property(histories, fc.infiniteStream(fc.nat(TOKENS_MAX)), (history, sizes) => {
      const queue = createWaitQueue<Call>()
      const overtaken = new Map<string, { turns: number; readonly most: number }>()
      let quietWaiting = 0
      for (const [at, step] of history.entries()) {
        if (step === 'turn') {
          const [next] = queue.first(1)
          if (next === undefined) continue
          expect(queue.serve(next)).toBe(true)
          overtaken.delete(next.id)
          if (next.tenant === 'quiet') quietWaiting -= 1
          else for (const each of overtaken.values()) each.turns += 1
          for (const { turns, most } of overtaken.values()) expect(turns).toBeLessThanOrEqual(most)
          continue
        }
        const tokens = sizes.next().value ?? 0
        const one = call(`${step}${at}`, step, { tokens, sinceMs: at, priority: 'high' })
        queue.add(step === 'quiet' ? { ...one, priority: 'low' } : one)
        if (step !== 'quiet') continue
        quietWaiting += 1
        // Each call of the quiet tenant costs at most as many tokens as TURNS calls of the other one.
        overtaken.set(one.id, { turns: 0, most: (quietWaiting + 1) * TURNS })
      }
    }),
    { seed: 20_261_128, numRuns: 300 },
  )
})

test('every waiting call gets its turn exactly once, and a removed call gets no turn', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ tenant: fc.nat(5), out: fc.boolean() }), { maxLength: 60 }),
      (all) => {
        const queue = createWaitQueue<Call>()
        const calls = all.map(({ tenant }, at) => call(`c${at}`, `t${tenant}`, { sinceMs: at }))
        for (const each of calls) queue.add(each)
        const kept = calls.filter((each, at) => !all[at]!.out || !queue.remove(each))
        expect(queue.size()).toBe(kept.length)
        const seen: string[] = []
        for (let [next] = queue.first(1); next !== undefined; [next] = queue.first(1)) {
          queue.serve(next)
          seen.push(next.id)
        }
        expect(seen.toSorted()).toEqual(kept.map(({ id }) => id).toSorted())
      },
    ),
    { seed: 20_261_128 },
  )
})
