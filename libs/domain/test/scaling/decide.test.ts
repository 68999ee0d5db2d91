import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ADVICE_BOUNDS,
  adviceInForce,
  decideScale,
  SCALE_LIMITS,
  type ClusterSnapshot,
  type Outlook,
  type ScaleAdvice,
} from '../../src/index.ts'

const limits = SCALE_LIMITS
const NOW_MS = 10_000_000

/** Readings that all agree on this demand. */
const agreeing = (demand: number, change: Partial<Outlook> = {}): Outlook => ({
  demand,
  stable: demand,
  panic: demand,
  coming: 0,
  due: 0,
  arrivalsPerS: demand / 10,
  serviceS: 10,
  lateShare: 0,
  nodesBefore: Infinity,
  forecast: { slots: 0, by: 'trend', headroom: 0 },
  panicking: false,
  wantedMax: 0,
  ...change,
})

const calm: ClusterSnapshot = {
  nodes: 4,
  draining: 0,
  missing: 0,
  slotsPerNode: 100,
  running: 300,
  queued: 0,
  complete: true,
  scaledOutAtMs: 0,
  scaledInAtMs: 0,
  outlook: agreeing(300),
}
const advice = (change: Partial<ScaleAdvice> = {}): ScaleAdvice => ({
  floorDelta: 0,
  targetUtil: 0.85,
  holdScaleDownMs: 0,
  givenAtMs: NOW_MS - 1_000,
  ttlMs: 60_000,
  ...change,
})

const instant = fc.integer({ min: NOW_MS - 300_000, max: NOW_MS })
const slots = fc.double({ min: 0, max: 5_000, noNaN: true })
const anyOutlook = fc.record({
  demand: slots,
  stable: slots,
  panic: slots,
  coming: slots,
  due: slots,
  arrivalsPerS: fc.option(slots, { nil: undefined }),
  serviceS: fc.option(fc.double({ min: 0.1, max: 60, noNaN: true }), { nil: undefined }),
  lateShare: fc.double({ min: 0, max: 1, noNaN: true }),
  nodesBefore: fc.nat(25),
  forecast: fc.record({ slots, by: fc.constant('day' as const), headroom: fc.constant(0.1) }),
  panicking: fc.boolean(),
  wantedMax: fc.oneof(fc.nat(25), fc.constant(Infinity)),
})
const anyNumber = fc.oneof(fc.double(), fc.integer())
const anyCluster = fc.record({
  nodes: fc.nat(25),
  draining: fc.nat(3),
  missing: fc.nat(2),
  slotsPerNode: fc.nat(200),
  running: fc.nat(5_000),
  queued: fc.nat(100_000),
  complete: fc.boolean(),
  scaledOutAtMs: instant,
  scaledInAtMs: instant,
  outlook: anyOutlook,
  throttledShare: fc.option(fc.double({ min: 0, max: 0.1, noNaN: true }), { nil: undefined }),
  advice: fc.option(
    fc.record({
      floorDelta: anyNumber,
      targetUtil: anyNumber,
      holdScaleDownMs: anyNumber,
      givenAtMs: instant,
      ttlMs: anyNumber,
    }),
    { nil: undefined },
  ),
  attainment: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
})

describe('decideScale', () => {
  test.each([
    ['demand within the dead band', { outlook: agreeing(392) }, 'hold', 4, 'on-target'],
    ['demand above it', { outlook: agreeing(397) }, 'scale-out', 5, 'demand'],
    [
      'demand with a headroom that was learned',
      { outlook: agreeing(345, { forecast: { slots: 0, by: 'trend', headroom: 0.2 } }) },
      'scale-out',
      5,
      'demand',
    ],
    [
      'demand of tasks too long to be waited for',
      { outlook: agreeing(392, { serviceS: 60 }) },
      'scale-out',
      5,
      'demand',
    ],
    [
      'demand of tasks whose length is not known',
      { outlook: agreeing(361, { serviceS: undefined }) },
      'scale-out',
      5,
      'demand',
    ],
    ['slots that run out', { outlook: agreeing(340, { stable: 401 }) }, 'scale-out', 5, 'full'],
    ['a queue', { outlook: agreeing(340, { due: 601 }) }, 'scale-out', 7, 'queue'],
    ['arrivals', { outlook: agreeing(340, { coming: 401 }) }, 'scale-out', 5, 'arrivals'],
    [
      'a forecast',
      { outlook: agreeing(340, { forecast: { slots: 401, by: 'day', headroom: 0 } }) },
      'scale-out',
      5,
      'forecast',
    ],
    [
      'a panic',
      { outlook: agreeing(340, { panic: 680, panicking: true }) },
      'scale-out',
      8,
      'panic',
    ],
    [
      'a panic above a maximum that was lowered',
      { nodes: 25, outlook: agreeing(10, { panicking: true }) },
      'hold',
      25,
      'panic',
    ],
    ['a flood, at most 20', { outlook: agreeing(9_999) }, 'scale-out', 20, 'demand'],
    ['too few nodes', { nodes: 1, complete: false }, 'scale-out', 2, 'below-minimum'],
    ['no demand at the minimum', { nodes: 2, outlook: agreeing(0) }, 'hold', 2, 'on-target'],
    ['no figures', { complete: false }, 'hold', 4, 'figures-missing'],
    ['no slots', { slotsPerNode: 0 }, 'hold', 4, 'figures-missing'],
    ['a silent node', { missing: 1, outlook: agreeing(10) }, 'hold', 4, 'figures-missing'],
    ['little demand', { outlook: agreeing(10) }, 'scale-in', 3, 'idle-capacity'],
    [
      'little demand of many',
      { nodes: 20, outlook: agreeing(10) },
      'scale-in',
      18,
      'idle-capacity',
    ],
    ['demand lately', { outlook: agreeing(10, { wantedMax: 4 }) }, 'hold', 4, 'recent-demand'],
    [
      'a window with a gap',
      { outlook: agreeing(10, { wantedMax: Infinity }) },
      'hold',
      4,
      'recent-demand',
    ],
    ['a node that drains', { draining: 2, outlook: agreeing(10) }, 'hold', 4, 'draining'],
    [
      'growth a moment ago',
      { scaledOutAtMs: NOW_MS - 119_999, outlook: agreeing(10) },
      'hold',
      4,
      'cooldown',
    ],
    [
      'a step a moment ago',
      { scaledInAtMs: NOW_MS - 29_999, outlook: agreeing(10) },
      'hold',
      4,
      'cooldown',
    ],
    [
      'a provider that refuses',
      { outlook: agreeing(900), throttledShare: 0.03 },
      'hold',
      4,
      'provider-budget',
    ],
    [
      'advice for two more',
      { outlook: agreeing(340), advice: advice({ floorDelta: 2 }) },
      'scale-out',
      6,
      'advice',
    ],
    [
      'advice to wait',
      { outlook: agreeing(10), advice: advice({ holdScaleDownMs: 30_000 }) },
      'hold',
      4,
      'advised',
    ],
  ] as const)(
    'for %s (%j), decides "%s" with %i nodes for the reason "%s"',
    (_, change, kind, nodes, reason) => {
      const decision = decideScale({ ...calm, ...change }, limits, NOW_MS)
      expect({ ...decision, options: [] }).toMatchObject({ kind, nodes, reason })
      expect(decision.backpressure).toBe(reason === 'provider-budget')
    },
  )

  test.each([
    ['a flood', 30, {}, 'scale-out', 60, 'demand'],
    ['a flood, after growth within 15 s', 50, { nodesBefore: 30 }, 'scale-out', 60, 'demand'],
    ['a flood, when growth is used up', 60, { nodesBefore: 30 }, 'hold', 60, 'growing'],
  ] as const)(
    'never more than doubles a large fleet at once: %s',
    (_, nodes, change, kind, to, reason) => {
      const cluster = { ...calm, nodes, outlook: agreeing(99_999, change) }
      const decision = decideScale(cluster, { ...limits, nodesMax: 200 }, NOW_MS)
      expect(decision).toMatchObject({ kind, nodes: to, reason })
    },
  )

  test('records every demand and every bound with the node count that it asks for', () => {
    const { options, wanted } = decideScale(
      { ...calm, outlook: agreeing(300, { panicking: true }), advice: advice({ floorDelta: 1 }) },
      limits,
      NOW_MS,
    )
    expect(options.map(({ kind }) => kind)).toEqual([
      'reactive',
      'floor',
      'full',
      'arrivals',
      'queue',
      'forecast',
      'window',
      'panic',
      'advice',
    ])
    expect(wanted).toBe(5)
  })

  test('decides a node count that agrees with the kind of the decision, stays within the limits and changes in bounded steps', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const { kind, nodes, reason } = decideScale(cluster, limits, NOW_MS)
        expect(reason).not.toBe('')
        if (kind === 'hold') expect(nodes).toBe(cluster.nodes)
        if (kind === 'scale-out') {
          expect(nodes).toBeGreaterThan(cluster.nodes)
          expect(nodes).toBeLessThanOrEqual(limits.nodesMax)
          expect(nodes - cluster.nodes).toBeLessThanOrEqual(
            Math.max(limits.scaleOutStep, cluster.nodes),
          )
        }
        if (kind === 'scale-in') {
          expect(nodes).toBeLessThan(cluster.nodes)
          expect(cluster.nodes - nodes).toBeLessThanOrEqual(2)
          expect(nodes).toBeGreaterThanOrEqual(limits.nodesMin)
        }
      }),
    )
  })

  test('never shrinks a fleet while figures are missing', () => {
    fc.assert(
      fc.property(anyCluster, fc.constantFrom('cluster', 'node', 'learned'), (cluster, what) => {
        const blind = {
          ...cluster,
          complete: cluster.complete && what !== 'cluster',
          missing: what === 'node' ? 1 : cluster.missing,
          outlook:
            what === 'learned' ? { ...cluster.outlook, wantedMax: Infinity } : cluster.outlook,
        }
        // A fleet beyond its limits may be cut back to them, but only with all figures.
        fc.pre(what !== 'learned' || cluster.nodes <= limits.nodesMax)
        expect(decideScale(blind, limits, NOW_MS).kind).not.toBe('scale-in')
      }),
    )
  })

  test('never shrinks a fleet in panic mode', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const panicking = { ...cluster, outlook: { ...cluster.outlook, panicking: true } }
        expect(decideScale(panicking, limits, NOW_MS).kind).not.toBe('scale-in')
      }),
    )
  })

  test('the fleet never grows above its minimum while the provider refuses calls', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const decision = decideScale({ ...cluster, throttledShare: 0.5 }, limits, NOW_MS)
        if (decision.kind === 'scale-out') expect(decision.nodes).toBe(limits.nodesMin)
      }),
    )
  })

  test('a forecast only adds nodes: with the forecast a fleet is at least as large as without it', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const forecast = { ...cluster.outlook.forecast, slots: 0 }
        const without = { ...cluster, outlook: { ...cluster.outlook, forecast } }
        expect(decideScale(cluster, limits, NOW_MS).nodes).toBeGreaterThanOrEqual(
          decideScale(without, limits, NOW_MS).nodes,
        )
      }),
    )
  })

  test('advice can neither make the fleet smaller than the demand needs nor take the fleet beyond its limits', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const decision = decideScale(cluster, limits, NOW_MS)
        if (decision.kind !== 'scale-in') return
        const { slotsPerNode, outlook } = cluster
        const floor = Math.ceil(outlook.demand / (slotsPerNode * limits.utilisationMax) - 1e-9)
        expect(decision.nodes).toBeGreaterThanOrEqual(Math.min(limits.nodesMax, floor))
      }),
    )
  })

  test('never reverses a decision when the decision is carried out and the policy decides again', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const first = decideScale(cluster, limits, NOW_MS)
        fc.pre(first.kind !== 'hold')
        const instants =
          first.kind === 'scale-out' ? { scaledOutAtMs: NOW_MS } : { scaledInAtMs: NOW_MS }
        const second = decideScale({ ...cluster, ...instants, nodes: first.nodes }, limits, NOW_MS)
        if (first.kind === 'scale-out') expect(second.kind).not.toBe('scale-in')
        else expect(second.kind).toBe('hold')
      }),
    )
  })
})

describe('advice to the autoscaler', () => {
  const none = { floorDelta: 0, targetUtil: limits.utilisationTarget, holdUntilMs: 0 }

  test.each([
    [undefined],
    [advice({ ttlMs: 1_000 })],
    [advice({ givenAtMs: NOW_MS + 1 })],
    [advice({ floorDelta: Number.NaN })],
    [advice({ givenAtMs: NOW_MS - 600_000, ttlMs: 9_999_999 })],
  ])('%j is ignored', (given) => {
    expect(adviceInForce(given, 1, limits, NOW_MS)).toEqual(none)
  })

  test('is clamped to its bounds, for any answer of the adviser', () => {
    fc.assert(
      fc.property(anyNumber, anyNumber, anyNumber, (floorDelta, targetUtil, holdScaleDownMs) => {
        const given = advice({ floorDelta, targetUtil, holdScaleDownMs })
        const inForce = adviceInForce(given, 1, limits, NOW_MS)
        expect(inForce.floorDelta).toBeGreaterThanOrEqual(0)
        expect(inForce.floorDelta).toBeLessThanOrEqual(ADVICE_BOUNDS.floorDelta[1])
        expect(inForce.targetUtil).toBeGreaterThanOrEqual(ADVICE_BOUNDS.targetUtil[0])
        expect(inForce.targetUtil).toBeLessThanOrEqual(ADVICE_BOUNDS.targetUtil[1])
        expect(inForce.holdUntilMs).toBeLessThanOrEqual(NOW_MS + 600_000)
      }),
    )
  })

  test('may set a higher target utilisation only while tasks start in time', () => {
    const fuller = advice({ targetUtil: 0.9 })
    expect(adviceInForce(fuller, 0.999, limits, NOW_MS).targetUtil).toBe(0.9)
    expect(adviceInForce(fuller, 0.99, limits, NOW_MS).targetUtil).toBe(0.85)
    expect(adviceInForce(fuller, undefined, limits, NOW_MS).targetUtil).toBe(0.85)
  })
})
