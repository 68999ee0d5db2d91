import { describe, expect, it } from 'vitest'
import { admitCall, breakerAfter, CLOSED_BREAKER, type Breaker } from '../../src/index.ts'

const limits = { failuresMax: 3, openMs: 1_000, openMaxMs: 3_000, probeMs: 500 }
const fail = (breaker: Breaker, nowMs: number) => breakerAfter(breaker, 'failure', limits, nowMs)
const opened = (): Breaker => fail(fail(fail(CLOSED_BREAKER, 0), 0), 0)

describe('a circuit breaker', () => {
  it('opens after several failures in a row, and forgets the failures after a success', () => {
    const two = fail(fail(CLOSED_BREAKER, 0), 0)
    expect(admitCall(two, limits, 0).kind).toBe('allow')
    expect(breakerAfter(two, 'success', limits, 0)).toEqual(CLOSED_BREAKER)
    expect(admitCall(opened(), limits, 999)).toMatchObject({ kind: 'deny', retryAtMs: 1_000 })
  })

  it('lets one call through when the time for which the breaker opened is over', () => {
    const probe = admitCall(opened(), limits, 1_000)
    expect(probe).toMatchObject({ kind: 'allow', reason: 'probe' })
    if (probe.kind !== 'allow') throw new Error('no probe')
    expect(admitCall(probe.breaker, limits, 1_100)).toMatchObject({ kind: 'deny' })
    const answered = breakerAfter(probe.breaker, 'success', limits, 1_100)
    expect(admitCall(answered, limits, 1_100).kind).toBe('allow')
    // A probe that never ends frees its place.
    expect(admitCall(probe.breaker, limits, 1_500)).toMatchObject({ reason: 'probe' })
  })

  it('stays open twice as long after each probe that failed, up to a bound', () => {
    let breaker = opened()
    const waits: number[] = []
    for (let nowMs = 1_000, i = 0; i < 4; i += 1) {
      const probe = admitCall(breaker, limits, nowMs)
      if (probe.kind !== 'allow') throw new Error('no probe')
      breaker = fail(probe.breaker, nowMs)
      if (breaker.kind !== 'open') throw new Error('not open')
      waits.push(breaker.untilMs - nowMs)
      nowMs = breaker.untilMs
    }
    expect(waits).toEqual([2_000, 3_000, 3_000, 3_000])
  })

  it('probes again at once after a probe that was cancelled', () => {
    const probe = admitCall(opened(), limits, 1_000)
    if (probe.kind !== 'allow') throw new Error('no probe')
    expect(
      admitCall(breakerAfter(probe.breaker, 'nothing', limits, 1_050), limits, 1_050).kind,
    ).toBe('allow')
  })
})
