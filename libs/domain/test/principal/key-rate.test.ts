import fc from 'fast-check'
import { expect, test } from 'vitest'
import { takePermit, type Bucket } from '../../src/principal/bucket.ts'
import type { GatewayCount } from '../../src/principal/gateway-count.ts'
import {
  beginAsk,
  drawPermits,
  endAsk,
  endRefill,
  keepLate,
  openShare,
  shareOf,
  takeReserved,
  type RateAnswer,
  type RateAsk,
  type Reserve,
} from '../../src/principal/key-rate.ts'

/** A request ends without an answer that takes longer, milliseconds. */
const ANSWER_WITHIN_MS = 1_000
/** No answer of these tests takes longer, milliseconds. */
const TRAVEL_MAX_MS = 3_000
/** A question whose answer is lost ends after this time, milliseconds. */
const LOST_AFTER_MS = 5_000
const MINUTE_MS = 60_000

/** One request: which gateway gets it, how long its messages travel, and which of them is lost. */
interface Request {
  readonly gapMs: number
  readonly gateway: number
  readonly thereMs: number
  readonly backMs: number
  readonly lost: 'none' | 'question' | 'answer'
}

/** What a gateway knows of the number of gateways at a time. */
type View = (gateway: number, atMs: number) => GatewayCount

/** Plays requests of several gateways against one bucket; returns when each admitted request got its permit. */
function play(requests: readonly Request[], perMinute: number, gateways: number | View): number[] {
  const viewOf: View = typeof gateways === 'number' ? () => gateways : gateways
  const reserves = new Map<number, Reserve>()
  const steps: { atMs: number; run: () => void }[] = []
  const admittedMs: number[] = []
  let bucket: Bucket | undefined
  const end = (gateway: number, ask: RateAsk, answer: RateAnswer | undefined, atMs: number) => {
    const view = viewOf(gateway, atMs)
    const { kind, reserve } = endAsk(reserves.get(gateway), perMinute, view, ask, answer, atMs)
    reserves.set(gateway, reserve)
    if (kind !== 'none') admittedMs.push(atMs)
  }
  let nowMs = 0
  for (const { gapMs, gateway, thereMs, backMs, lost } of requests) {
    nowMs += gapMs
    const atMs = nowMs
    const refill = (asked: RateAsk) => {
      let answer: RateAnswer | undefined
      const draw = () => {
        const drawn = drawPermits(bucket, perMinute, asked, atMs + thereMs)
        bucket = drawn.bucket
        answer = lost === 'none' ? drawn : undefined
      }
      if (lost !== 'question') steps.push({ atMs: atMs + thereMs, run: draw })
      const endMs = atMs + (lost === 'none' ? thereMs + backMs : LOST_AFTER_MS)
      const fill = () => {
        const known = reserves.get(gateway)
        reserves.set(
          gateway,
          endRefill(known, perMinute, viewOf(gateway, endMs), asked, answer, endMs),
        )
      }
      steps.push({ atMs: endMs, run: fill })
    }
    const run = () => {
      const view = viewOf(gateway, atMs)
      const taken = takeReserved(reserves.get(gateway), perMinute, view, atMs)
      if (taken !== undefined) {
        reserves.set(gateway, taken.reserve)
        admittedMs.push(atMs)
        if (taken.refill !== undefined) refill(taken.refill)
        return
      }
      const { reserve, ask } = beginAsk(reserves.get(gateway), perMinute, view, atMs)
      reserves.set(gateway, reserve)
      const endsMs = atMs + Math.min(thereMs + backMs, ANSWER_WITHIN_MS)
      const late = lost !== 'none' || thereMs + backMs > ANSWER_WITHIN_MS
      let answer: RateAnswer | undefined
      let drawn: ReturnType<typeof drawPermits> | undefined
      if (lost !== 'question') {
        const draw = () => {
          drawn = drawPermits(bucket, perMinute, ask, atMs + thereMs)
          bucket = drawn.bucket
          answer = late ? undefined : drawn
        }
        steps.push({ atMs: atMs + thereMs, run: draw })
      }
      const endMs = lost === 'none' ? endsMs : atMs + ANSWER_WITHIN_MS
      steps.push({ atMs: endMs, run: () => end(gateway, ask, answer, endMs) })
      if (late && lost === 'none') {
        const lateMs = atMs + thereMs + backMs
        const keep = () => {
          const known = reserves.get(gateway)
          reserves.set(
            gateway,
            keepLate(known, perMinute, viewOf(gateway, lateMs), ask, drawn!, lateMs),
          )
        }
        steps.push({ atMs: lateMs, run: keep })
      }
    }
    steps.push({ atMs, run })
  }
  while (steps.length > 0) {
    const next = steps.reduce((first, step) => (step.atMs < first.atMs ? step : first))
    steps.splice(steps.indexOf(next), 1)
    next.run()
  }
  return admittedMs.sort((a, b) => a - b)
}

/** The largest number of requests above limit and refill that any stretch of time admitted. */
function excess(admittedMs: readonly number[], perMinute: number): number {
  let most = -Infinity
  admittedMs.forEach((fromMs, first) => {
    for (let last = first; last < admittedMs.length; last += 1) {
      const passedMs = (admittedMs[last] as number) - fromMs + TRAVEL_MAX_MS
      const allowed = perMinute + (passedMs * perMinute) / MINUTE_MS
      most = Math.max(most, last - first + 1 - allowed)
    }
  })
  return most
}

test('in any interleaving of late, lost and timely answers, several gateways never exceed the limit and its refill (RATE-1)', () => {
  const travelMs = fc.oneof(
    { weight: 4, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 1_500 }) },
  )
  const request = fc.record({
    gapMs: fc.oneof(
      { weight: 30, arbitrary: fc.constant(0) },
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 500 }) },
      { weight: 1, arbitrary: fc.integer({ min: 500, max: 70_000 }) },
    ),
    gateway: fc.integer({ min: 0, max: 3 }),
    thereMs: travelMs,
    backMs: travelMs,
    lost: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'none', 'question', 'answer'),
  }) satisfies fc.Arbitrary<Request>
  const world = fc.tuple(
    fc.array(request, { minLength: 40, maxLength: 120 }),
    fc.integer({ min: 1, max: 24 }),
    fc.integer({ min: 1, max: 4 }),
  )
  fc.assert(
    fc.property(world, ([requests, perMinute, gateways]) => {
      const own = requests.map((each) => ({ ...each, gateway: each.gateway % gateways }))
      expect(excess(play(own, perMinute, gateways), perMinute)).toBeLessThanOrEqual(1e-6)
    }),
    { seed: 15, numRuns: 300 },
  )
})

/** Two gateways draw, then the bucket fills for 40 s, and both get more requests than the limit allows. */
function drawAndBurst(): Request[] {
  const timely = { thereMs: 1, backMs: 1, lost: 'none' } as const
  const drawing = [0, 5_000].map((gapMs, gateway) => ({ ...timely, gapMs, gateway }))
  const burst = Array.from({ length: 100 }, (_, at) => {
    return { ...timely, gapMs: at === 0 ? 40_000 : 0, gateway: at % 2 }
  })
  return [...drawing, ...burst]
}

test('a gateway that hears of another one gives up the permits that exceed its smaller part (RATE-1)', () => {
  const alone: View = (_gateway, atMs) => (atMs < 10_000 ? 1 : 2)
  expect(excess(play(drawAndBurst(), 24, alone), 24)).toBeLessThanOrEqual(0)
})

test('gateways that do not know how many they are hold no reserve, and never exceed the limit together (RATE-1)', () => {
  const unknown: View = () => undefined
  const admittedMs = play(drawAndBurst(), 24, unknown)
  expect(excess(admittedMs, 24)).toBeLessThanOrEqual(0)
  expect(admittedMs).toHaveLength(24)
  const silent = drawAndBurst().map((each, at) =>
    at < 2 ? each : { ...each, lost: 'question' as const },
  )
  expect(play(silent, 24, unknown)).toHaveLength(2)
})

test('with timely answers every permit of the limit can be used, those of the reserves too', () => {
  const requests = Array.from({ length: 1_000 }, (_, index) => {
    return { gapMs: 0, gateway: index % 2, thereMs: 1, backMs: 1, lost: 'none' } as const
  })
  expect(play(requests, 104, 2)).toHaveLength(104)
  // The reserves are full, and the bucket had half a minute to fill: only up to the rest of the limit.
  const rested = requests.map((each, index) => ({ ...each, gapMs: index === 10 ? 30_000 : 0 }))
  expect(play(rested, 104, 2)).toHaveLength(10 + 104)
})

test('a request that Redis does not answer uses a permit of the reserve, and without a reserve it gets none', () => {
  const steady = { gapMs: 1_001, gateway: 0, thereMs: 1, backMs: 1, lost: 'none' } as const
  const silent = Array.from({ length: 100 }, () => ({ ...steady, lost: 'question' }) as const)
  expect(play([steady, ...silent], 40, 2)).toHaveLength(1 + 5)
  expect(play(silent, 40, 2)).toHaveLength(0)
  // A bucket without requests is full again by then, so the reserve must be gone.
  expect(play([steady, { ...steady, gapMs: 56_000, lost: 'question' }], 40, 2)).toHaveLength(1)
})

test('gateways that Redis leaves without an answer let through the refill of the limit together (RATE-2)', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 100 }),
      (perMinute, gateways, gapsMs) => {
        const share = shareOf(perMinute, gateways, 1_000)
        let bucket: Bucket = share.bucket
        let [nowMs, given] = [1_000, 0]
        for (const gapMs of gapsMs) {
          nowMs += gapMs
          const taken = takePermit(bucket, share.limits, nowMs)
          bucket = taken.bucket
          if (taken.kind === 'taken') given += 1
        }
        const refill = ((nowMs - 1_000) * perMinute) / MINUTE_MS
        expect(given * gateways).toBeLessThanOrEqual(refill + 1e-6)
      },
    ),
    { seed: 15 },
  )
})

test('a gateway without Redis opens its part of the requests that a key may have open, and at least one', () => {
  expect([openShare(10, 3), openShare(1, 3), openShare(4, 1)]).toEqual([3, 1, 4])
})

test('a busy gateway asks Redis for few of its permits, and one question at a time', () => {
  let reserve: Reserve | undefined
  let bucket: Bucket | undefined
  let [asked, waited] = [0, 0]
  for (let nowMs = 1; nowMs <= MINUTE_MS; nowMs += 10) {
    const taken = takeReserved(reserve, 6_000, 2, nowMs)
    const begun = taken === undefined ? beginAsk(reserve, 6_000, 2, nowMs) : undefined
    const ask = taken?.refill ?? begun?.ask
    reserve = taken?.reserve ?? begun?.reserve
    if (ask === undefined) continue
    asked += 1
    const drawn = drawPermits(bucket, 6_000, ask, nowMs)
    bucket = drawn.bucket
    if (taken === undefined) {
      waited += 1
      reserve = endAsk(reserve, 6_000, 2, ask, drawn, nowMs).reserve
    } else {
      expect(takeReserved(reserve, 6_000, 2, nowMs)?.refill).toBeUndefined()
      reserve = endRefill(reserve, 6_000, 2, ask, drawn, nowMs)
    }
  }
  expect([asked, waited]).toEqual([1 + 6_000 / 94, 1].map(Math.floor))
})

test('a gateway that draws keeps its reserve, so a key that used 80% of its rate for ten minutes can send a burst', () => {
  const timely = { gateway: 0, thereMs: 1, backMs: 1, lost: 'none' } as const
  const steady = Array.from({ length: 800 }, () => ({ ...timely, gapMs: 750 }))
  const burst = Array.from({ length: 90 }, () => ({ ...timely, gapMs: 0 }))
  expect(play([...steady, ...burst], 100, 1)).toHaveLength(800 + 90)
})

test('requests that ask nothing leave half of the reserve for requests that Redis does not answer', () => {
  let reserve: Reserve | undefined = { permits: 5, asked: 0, drawnAtMs: 1 }
  let taken = 0
  for (;;) {
    const next = takeReserved(reserve, 40, 2, 1)
    if (next === undefined) break
    taken += 1
    reserve = next.reserve
  }
  expect([taken, reserve.permits]).toEqual([3, 2])
})

test('permits of a late answer are as old as their question, so that they end before the bucket is full again (RATE-1)', () => {
  const ask = { extra: 4, reserved: 10, askedAtMs: 1_000 }
  const reserve = keepLate(undefined, 40, 2, ask, { kind: 'given', extra: 4 }, 4_000)
  expect(reserve).toEqual({ permits: 5, asked: 0, drawnAtMs: 1_000 })
  expect(takeReserved(reserve, 40, 2, 55_999)).toBeDefined()
  expect(takeReserved(reserve, 40, 2, 56_000)).toBeUndefined()
})
