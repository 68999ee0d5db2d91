import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  costOf,
  joinServed,
  roomOf,
  shareCredits,
  type Claim,
  type TaskSpec,
} from '../../src/index.ts'

const claim = (tenant: string, change: Partial<Claim> = {}): Claim => ({
  tenant,
  weight: 1,
  waiting: 100,
  inFlight: 0,
  inFlightCost: 0,
  taskCost: 1_000,
  served: 0,
  ...change,
})

const claims = fc
  .uniqueArray(
    fc.record({
      tenant: fc.integer({ min: 0, max: 50 }).map((n) => `t${n}`),
      weight: fc.integer({ min: 1, max: 8 }),
      waiting: fc.integer({ min: 0, max: 60 }),
      inFlight: fc.integer({ min: 0, max: 60 }),
      taskCost: fc.integer({ min: 1, max: 50_000 }),
      served: fc.integer({ min: 0, max: 1_000 }),
      limit: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
    }),
    { selector: ({ tenant }) => tenant, maxLength: 12 },
  )
  .map((list) =>
    list.map(({ limit, ...rest }): Claim => ({
      ...rest,
      inFlightCost: rest.inFlight * rest.taskCost,
      ...(limit === undefined ? {} : { concurrency: limit }),
    })),
  )
const credits = fc.integer({ min: 0, max: 400 })
const mostOf = (each: Claim) => Math.min(each.waiting, roomOf(each))

describe('credits are shared between tenants', () => {
  test('without exceeding the free credits, the waiting tasks or a limit, and no usable credit stays unused', () => {
    fc.assert(
      fc.property(credits, claims, (free, list) => {
        const grants = shareCredits(free, list)
        const sum = [...grants.values()].reduce((a, b) => a + b, 0)
        for (const each of list) {
          const granted = grants.get(each.tenant) ?? 0
          expect(granted).toBeLessThanOrEqual(mostOf(each))
          expect(granted).toBeGreaterThanOrEqual(0)
        }
        const wanted = list.reduce((total, each) => total + mostOf(each), 0)
        expect(sum).toBe(Math.min(free, wanted))
      }),
    )
  })

  test('a tenant that could use more is never served less than the tenant that got the last credit', () => {
    fc.assert(
      fc.property(credits, claims, (free, list) => {
        const grants = shareCredits(free, list)
        const after = (each: Claim, fewer = 0) =>
          (each.inFlightCost + ((grants.get(each.tenant) ?? 0) - fewer) * each.taskCost) /
          each.weight
        for (const poor of list) {
          if ((grants.get(poor.tenant) ?? 0) >= mostOf(poor)) continue
          for (const rich of list) {
            if ((grants.get(rich.tenant) ?? 0) === 0) continue
            expect(after(rich, 1)).toBeLessThanOrEqual(after(poor) + 1e-6)
          }
        }
      }),
    )
  })

  test('a new tenant gets every free slot until it has its fair share', () => {
    const crowd = claim('crowd', { waiting: 100_000, inFlight: 64, inFlightCost: 64_000 })
    expect(shareCredits(10, [crowd, claim('new', { waiting: 20 })])).toEqual(new Map([['new', 10]]))
  })

  test('a tenant at its limit gets no more credits, and other tenants get its unused part', () => {
    const limited = claim('limited', { waiting: 50, inFlight: 3, concurrency: 5 })
    const other = claim('other', { waiting: 50, inFlight: 30, inFlightCost: 90_000 })
    expect(shareCredits(10, [limited, other]).get('limited')).toBe(2)
    expect(shareCredits(10, [{ ...limited, inFlight: 5 }, other])).toEqual(new Map([['other', 10]]))
  })

  test('the shares depend on weights and costs, not only on numbers of tasks', () => {
    const heavy = claim('heavy', { weight: 3, waiting: 1_000 })
    const light = claim('light', { waiting: 1_000 })
    const dear = claim('dear', { taskCost: 9_000, waiting: 1_000 })
    expect(shareCredits(400, [heavy, light])).toEqual(
      new Map([
        ['heavy', 300],
        ['light', 100],
      ]),
    )
    const grants = shareCredits(400, [light, dear])
    expect(grants.get('light')).toBe(360)
    expect(grants.get('dear')).toBe(40)
  })

  test('tenants take turns with one slot, and a tenant that was absent gets no extra turns', () => {
    let served = new Map<string, number>()
    const turns: string[] = []
    for (let round = 0; round < 60; round += 1) {
      const busy = round < 30 ? ['a', 'b'] : ['a', 'b', 'late']
      served = joinServed(served, busy)
      const grants = shareCredits(
        1,
        busy.map((tenant) => claim(tenant, { served: served.get(tenant) ?? 0 })),
      )
      const [winner = ''] = grants.keys()
      turns.push(winner)
      served.set(winner, (served.get(winner) ?? 0) + 1_000)
    }
    const count = (from: number, to: number, tenant: string) =>
      turns.slice(from, to).filter((each) => each === tenant).length
    expect(count(0, 30, 'a')).toBe(15)
    for (const tenant of ['a', 'b', 'late']) expect(count(30, 60, tenant)).toBe(10)
  })

  test('a tenant that submits ten tasks behind any backlog has started all ten after a bounded number of other tasks have ended', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 1, max: 6 }),
        (slots, crowds) => {
          const names = Array.from({ length: crowds }, (_, index) => `crowd${index}`)
          const waiting = new Map(names.map((name) => [name, 100_000]))
          waiting.set('small', 10)
          // First in, first out: all tasks last equally long.
          const running = Array.from({ length: slots }, (_, index) => names[index % crowds] ?? '')
          let served = new Map<string, number>()
          let endings = 0
          while ((waiting.get('small') ?? 0) > 0) {
            running.shift()
            endings += 1
            const busy = [...waiting].filter(([, count]) => count > 0).map(([tenant]) => tenant)
            served = joinServed(served, busy)
            const inFlight = (tenant: string) => running.filter((each) => each === tenant).length
            const list = busy.map((tenant) =>
              claim(tenant, {
                waiting: waiting.get(tenant) ?? 0,
                inFlight: inFlight(tenant),
                inFlightCost: inFlight(tenant) * 1_000,
                served: served.get(tenant) ?? 0,
              }),
            )
            const [winner = ''] = shareCredits(1, list).keys()
            served.set(winner, (served.get(winner) ?? 0) + 1_000)
            waiting.set(winner, (waiting.get(winner) ?? 0) - 1)
            running.push(winner)
          }
          expect(endings).toBeLessThanOrEqual(10 * (crowds + 1) + 1)
        },
      ),
      { numRuns: 50 },
    )
  })
})

test('the cost of a task is the sum of its text, its answer and a fixed part, and lies within bounds', () => {
  const spec = { task: 'x'.repeat(400), agent: 'a', model: 'm' } as TaskSpec
  expect(costOf(spec)).toBe(1_000 + 100 + 500)
  expect(costOf({ ...spec, maxOutputTokens: 8_000 })).toBe(1_000 + 100 + 8_000)
  expect(costOf({ ...spec, context: { a: 'y'.repeat(4_000) } })).toBeGreaterThan(2_500)
  expect(costOf({ ...spec, maxOutputTokens: 5_000_000 })).toBe(1_000_000)
})
