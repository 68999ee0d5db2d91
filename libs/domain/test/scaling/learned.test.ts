import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  NO_LEARNED_STATE,
  outlook,
  rememberScaling,
  SCALE_LIMITS,
  type LearnedState,
  type ScaleLimits,
} from '../../src/index.ts'

const limits: ScaleLimits = SCALE_LIMITS
const SLOTS = 100
const TICK_MS = 2_000
const HOUR_MS = 3_600_000
const WEEK_MS = 7 * 24 * HOUR_MS

/** Tasks of ten seconds at a steady rate, all of them running. */
function feed(
  from: LearnedState,
  rateAt: (atMs: number) => number,
  span: { readonly fromMs: number; readonly untilMs: number; readonly tickMs?: number },
  nodes = 10,
  within = limits,
): LearnedState {
  let learned = from
  let arrived = 0
  const tickMs = span.tickMs ?? TICK_MS
  for (let atMs = span.fromMs; atMs <= span.untilMs; atMs += tickMs) {
    const rate = rateAt(atMs)
    arrived += (rate * tickMs) / 1_000
    const sample = { atMs, nodes, running: rate * 10, queued: 0, arrived }
    learned = rememberScaling(learned, sample, SLOTS, within)
  }
  return learned
}

describe('the learned state of the autoscaler', () => {
  test('learns demand, arrivals and service time of a steady load', () => {
    const learned = feed(NO_LEARNED_STATE, () => 30, { fromMs: 1_000, untilMs: 601_000 })
    const seen = outlook(learned, limits, 601_000)
    expect(seen.demand).toBeCloseTo(300, 0)
    expect(seen.stable).toBeCloseTo(300)
    expect(seen.arrivalsPerS).toBeCloseTo(30)
    expect(seen.serviceS).toBeCloseTo(10)
    expect(seen).toMatchObject({ lateShare: 0, panicking: false, wantedMax: 4, nodesBefore: 10 })
  })

  test('notices a sudden increase of arrivals before the slots are full, and its expected demand follows the increase', () => {
    const rateAt = (atMs: number): number => (atMs < 600_000 ? 30 : 90)
    const learned = feed(NO_LEARNED_STATE, rateAt, { fromMs: 0, untilMs: 610_000 })
    const seen = outlook(learned, limits, 610_000)
    expect(seen.stable).toBeLessThan(450)
    expect(seen.coming).toBeGreaterThan(600)
    expect(seen.coming).toBeLessThan(950)
    const later = feed(learned, rateAt, { fromMs: 612_000, untilMs: 700_000 })
    expect(outlook(later, limits, 700_000).demand).toBeCloseTo(900, -2)
  })

  test('is in panic mode from the time at which demand is twice the capacity until a minute after the last such demand', () => {
    const crowd = { atMs: 0, nodes: 10, running: 1_000, queued: 5_000 }
    let learned = rememberScaling(NO_LEARNED_STATE, crowd, SLOTS, limits)
    expect(outlook(learned, limits, 59_999).panicking).toBe(true)
    learned = feed(learned, () => 1, { fromMs: 2_000, untilMs: 80_000 })
    expect(outlook(learned, limits, 80_000).panicking).toBe(false)
  })

  test('is in panic mode at one and a half times the capacity when the fleet is small', () => {
    const crowd = { atMs: 0, nodes: 4, running: 400, queued: 100 }
    const seen = (nodes: number): boolean => {
      const sample = { ...crowd, nodes, queued: nodes * 130 - 400 }
      const learned = rememberScaling(NO_LEARNED_STATE, sample, SLOTS, limits)
      return outlook(learned, limits, 0).panicking
    }
    expect(seen(4)).toBe(true)
    expect(seen(6)).toBe(false)
  })

  test('counts tasks as late that arrive while the queue is too long for the wait target', () => {
    let learned = NO_LEARNED_STATE
    for (let i = 0; i <= 60; i += 1) {
      const sample = { atMs: i * TICK_MS, nodes: 2, running: 200, queued: i * 20, arrived: i * 60 }
      learned = rememberScaling(learned, sample, SLOTS, limits)
    }
    // 20 a second start, so from 200 on the queue is too long: five sixths of the time.
    expect(outlook(learned, limits, 60 * TICK_MS).lateShare).toBeCloseTo(5 / 6, 1)
  })

  test('lets the fleet release no node while the window of measurements has a gap or is not full yet', () => {
    // A minute, and four times the ten seconds that a task takes.
    const filled = feed(NO_LEARNED_STATE, () => 30, { fromMs: 0, untilMs: 98_000 })
    expect(outlook(filled, limits, 98_000).wantedMax).toBe(Infinity)
    const full = feed(NO_LEARNED_STATE, () => 30, { fromMs: 0, untilMs: 102_000 })
    expect(outlook(full, limits, 102_000).wantedMax).toBe(4)
    const blind = rememberScaling(full, undefined, SLOTS, limits)
    expect(outlook(blind, limits, 104_000).wantedMax).toBe(Infinity)
    const after = feed(full, () => 30, { fromMs: 300_000, untilMs: 302_000 })
    expect(outlook(after, limits, 302_000).wantedMax).toBe(Infinity)
  })

  test('uses the highest node count that was needed within the window, and ignores older node counts', () => {
    const rateAt = (atMs: number): number => (atMs <= 300_000 ? 60 : 30)
    const learned = feed(NO_LEARNED_STATE, rateAt, { fromMs: 0, untilMs: 400_000 })
    expect(outlook(learned, limits, 400_000).wantedMax).toBe(7)
    const later = feed(learned, rateAt, { fromMs: 402_000, untilMs: 560_000 })
    expect(outlook(later, limits, 560_000).wantedMax).toBe(4)
  })

  test('is computed even if the number of arrivals is unknown', () => {
    let learned = NO_LEARNED_STATE
    for (let i = 0; i <= 60; i += 1) {
      const sample = { atMs: i * TICK_MS, nodes: 4, running: 300, queued: 20 }
      learned = rememberScaling(learned, sample, SLOTS, limits)
    }
    const seen = outlook(learned, limits, 60 * TICK_MS)
    expect(seen).toMatchObject({ stable: 320, coming: 0, arrivalsPerS: undefined })
    expect(seen.demand).toBeCloseTo(320)
  })

  test('does not mistake the restart of a counter for a burst of tasks', () => {
    const learned = feed(NO_LEARNED_STATE, () => 30, { fromMs: 0, untilMs: 60_000 })
    const sample = { atMs: 62_000, nodes: 10, running: 300, queued: 0, arrived: 0 }
    const seen = outlook(rememberScaling(learned, sample, SLOTS, limits), limits, 62_000)
    expect(seen.coming).toBeLessThanOrEqual(300)
    expect(seen.stable).toBeCloseTo(300)
  })

  test('is plain data of at most 16,000 characters, from which a new leader computes the same forecast', () => {
    const daily = (atMs: number): number => 30 + 20 * Math.sin((atMs / HOUR_MS / 24) * 2 * Math.PI)
    const span = { fromMs: 0, untilMs: WEEK_MS + 6 * HOUR_MS, tickMs: 10_000 }
    const learned = feed(NO_LEARNED_STATE, daily, span)
    const written = JSON.stringify(learned)
    expect(written.length).toBeLessThan(16_000)
    const taken = JSON.parse(written) as LearnedState
    expect(outlook(taken, limits, span.untilMs)).toEqual(outlook(learned, limits, span.untilMs))
  })

  test('holds a bounded number of samples and only finite figures, for any load', () => {
    const sample = fc.record({
      afterMs: fc.nat(200_000),
      nodes: fc.nat(25),
      running: fc.nat(10_000),
      queued: fc.nat(100_000),
      arrived: fc.option(fc.nat(1_000_000), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 200 }), (samples) => {
        let [learned, atMs] = [NO_LEARNED_STATE, 0]
        for (const { afterMs, ...rest } of samples) {
          atMs += afterMs
          learned = rememberScaling(learned, { atMs, ...rest }, SLOTS, limits)
        }
        expect(learned.load.samples.length).toBeLessThanOrEqual(130)
        const { demand, stable, panic, coming, forecast } = outlook(learned, limits, atMs)
        for (const figure of [demand, stable, panic, coming, forecast.slots]) {
          expect(Number.isFinite(figure)).toBe(true)
          expect(figure).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('the forecast of the autoscaler', () => {
  const span = (untilMs: number) => ({ fromMs: 0, untilMs, tickMs: 10_000 })

  test('extends a steady growth of demand until the time at which a new node could serve', () => {
    const growing = (atMs: number): number => 10 + atMs / 60_000
    const seen = outlook(feed(NO_LEARNED_STATE, growing, span(HOUR_MS)), limits, HOUR_MS)
    expect(seen.forecast.by).toBe('trend')
    const { slots, headroom } = seen.forecast
    expect(slots / (1 + headroom)).toBeGreaterThan(seen.demand + 5)
    expect(slots).toBeLessThan(seen.stable * 1.1)
  })

  test('contains the demand of each hour of the day after some days', () => {
    // Every day at noon demand doubles within half an hour.
    const rise = (atMs: number): number => {
      const hour = (atMs / HOUR_MS) % 24
      return hour < 12 || hour > 18 ? 20 : Math.min(40, 20 + (hour - 12) * 40)
    }
    const noonMs = (4 * 24 + 12) * HOUR_MS
    const learned = feed(NO_LEARNED_STATE, rise, span(noonMs))
    expect(learned.forecast.week.filter((value) => value >= 0).length).toBeGreaterThan(600)
    const { error } = learned.forecast.forecasters[1]!
    expect(error).toBeLessThan(0.05)
  })

  test('uses the demand of the previous day if the previous day was more accurate than the trend', () => {
    // Demand that rises and falls within every hour of every day, and nodes that need ten minutes.
    const hourly = (atMs: number): number => 30 + 8 * Math.sin((atMs / HOUR_MS) * 2 * Math.PI)
    const slow = { ...limits, startupMs: 600_000 }
    const nowMs = 50 * HOUR_MS
    const seen = outlook(feed(NO_LEARNED_STATE, hourly, span(nowMs), 10, slow), slow, nowMs)
    const { by, slots, headroom } = seen.forecast
    expect(by).toBe('day')
    expect(slots / (1 + headroom)).toBeGreaterThan(seen.demand * 1.15)
    expect(slots / (1 + headroom)).toBeLessThan(seen.demand * 1.35)
  })

  test('includes a reserve after sudden increases of demand, and none after steady demand', () => {
    const jumping = (atMs: number): number => (Math.floor(atMs / 600_000) % 2 === 0 ? 30 : 45)
    const jumped = feed(NO_LEARNED_STATE, jumping, span(12 * HOUR_MS))
    const steady = feed(NO_LEARNED_STATE, () => 30, span(12 * HOUR_MS))
    const headroomOf = (learned: LearnedState): number =>
      outlook(learned, limits, 12 * HOUR_MS).forecast.headroom
    expect(headroomOf(jumped)).toBeGreaterThan(0.1)
    expect(headroomOf(jumped)).toBeLessThan(0.5)
    expect(headroomOf(steady)).toBe(0)
  })

  test('contains the slots that are needed to empty a growing queue in time', () => {
    // 90 a second arrive where 60 can be served: 10 nodes of 60 slots, tasks of ten seconds.
    let learned = feed(NO_LEARNED_STATE, () => 60, { fromMs: 0, untilMs: 100_000 })
    let arrived = 6_060
    for (let atMs = 101_000; atMs <= 110_000; atMs += 1_000) {
      arrived += 90
      const queued = (atMs - 100_000) * 0.03
      learned = rememberScaling(
        learned,
        { atMs, nodes: 10, running: 600, queued, arrived },
        60,
        limits,
      )
    }
    // At that time 900 wait and 600 run; each slot is free once, and again within ten seconds.
    const { due } = outlook(learned, limits, 110_000)
    expect(due).toBeGreaterThan(750)
    expect(due).toBeLessThan((900 * 1.5 + 600) / 2 + 50)
  })
})
