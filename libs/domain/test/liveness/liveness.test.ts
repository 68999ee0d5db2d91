import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  admitHeartbeat,
  decideDeath,
  HEARTBEAT_INTERVAL_MS,
  classifyNode,
  illnessOf,
  LIVENESS_LIMITS,
  phi,
  type MonitorHealth,
  type Witness,
} from '../../src/index.ts'

const limits = LIVENESS_LIMITS
const gapsMs = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 50 })
const witnesses: readonly Witness[] = [
  'connection-gone',
  'ping-failed',
  'consul-critical',
  'answering',
  'none',
]
const witness = fc.constantFrom(...witnesses)
const regular = Array.from({ length: 50 }, () => HEARTBEAT_INTERVAL_MS)

function classify(silenceMs: number, gaps: readonly number[], seen: Witness) {
  const heartbeats = { lastHeartbeatAtMs: 1_000, gapsMs: gaps }
  return classifyNode(heartbeats, seen, limits, 1_000 + silenceMs)
}

describe('the suspicion value phi', () => {
  test('never falls during a silence', () => {
    fc.assert(
      fc.property(gapsMs, fc.nat(20_000), fc.nat(20_000), (gaps, a, b) => {
        const [early, late] = a < b ? [a, b] : [b, a]
        expect(phi(late, gaps, limits)).toBeGreaterThanOrEqual(phi(early, gaps, limits))
      }),
    )
  })

  test('is a finite number of at least zero for every silence', () => {
    fc.assert(
      fc.property(gapsMs, fc.nat(10_000_000), (gaps, silence) => {
        const level = phi(silence, gaps, limits)
        expect(level).toBeGreaterThanOrEqual(0)
        expect(Number.isFinite(level)).toBe(true)
      }),
    )
  })

  test('does not make a node suspect sooner if its heartbeats are more frequent than needed', () => {
    const often = fc.array(fc.integer({ min: 0, max: 499 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(often, fc.nat(3_000), (gaps, silence) => {
        expect(phi(silence, gaps, limits)).toBeLessThanOrEqual(
          Math.max(phi(silence, [], limits), phi(900, [], limits)),
        )
      }),
    )
  })

  test('does not depend on the order of the gaps between heartbeats', () => {
    fc.assert(
      fc.property(gapsMs, fc.nat(5_000), (gaps, silence) => {
        const turned = [...gaps].reverse()
        expect(phi(silence, turned, limits)).toBeCloseTo(phi(silence, gaps, limits), 6)
      }),
    )
  })
})

describe('classifyNode', () => {
  test.each([
    [500, 'none', 'alive', 'heartbeats'],
    [1_300, 'connection-gone', 'alive', 'heartbeats'],
    [1_400, 'connection-gone', 'suspect', 'late-heartbeats'],
    [1_500, 'connection-gone', 'dead', 'connection-gone'],
    [1_500, 'ping-failed', 'suspect', 'late-heartbeats'],
    [2_499, 'ping-failed', 'suspect', 'late-heartbeats'],
    [2_500, 'ping-failed', 'dead', 'ping-failed'],
    [2_499, 'consul-critical', 'suspect', 'late-heartbeats'],
    [2_500, 'consul-critical', 'dead', 'consul-critical'],
    [1_500, 'none', 'suspect', 'late-heartbeats'],
    [2_999, 'none', 'suspect', 'late-heartbeats'],
    [3_000, 'none', 'dead', 'silence'],
    [3_000, 'answering', 'suspect', 'answers-without-heartbeats'],
    [9_999, 'answering', 'suspect', 'answers-without-heartbeats'],
    [10_000, 'answering', 'dead', 'silence'],
  ] as const)(
    'a node that was silent for %i ms, with the witness %s, is %s for the reason %s',
    (ms, seen, kind, reason) => {
      expect(classify(ms, regular, seen)).toMatchObject({ kind, reason })
      expect(classify(ms, [], seen)).toMatchObject({ kind, reason })
    },
  )

  test('a death with a witness is noticed within 1.58 s for any jitter of heartbeats around a mean of 500 ms', () => {
    const halfJitter = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 25 })
    fc.assert(
      fc.property(halfJitter, (jitters) => {
        const gaps = jitters.flatMap((j) => [HEARTBEAT_INTERVAL_MS - j, HEARTBEAT_INTERVAL_MS + j])
        expect(classify(1_580, gaps, 'connection-gone').kind).toBe('dead')
      }),
    )
  })

  test('a node that sends heartbeats within a second is alive, for any witness', () => {
    const usual = fc.array(fc.integer({ min: 450, max: 700 }), { maxLength: 50 })
    fc.assert(
      fc.property(usual, fc.nat(1_000), witness, (gaps, silence, seen) => {
        expect(classify(silence, gaps, seen).kind).toBe('alive')
      }),
    )
  })

  test('a delay of the observer itself does not count as silence of the node', () => {
    const heartbeats = { lastHeartbeatAtMs: 0, gapsMs: regular }
    expect(classifyNode(heartbeats, 'connection-gone', limits, 1_500, 200).kind).toBe('alive')
    expect(classifyNode(heartbeats, 'connection-gone', limits, 1_700, 200).kind).toBe('dead')
  })

  test('a longer silence never makes a node healthier', () => {
    const rank = { alive: 0, suspect: 1, dead: 2 }
    fc.assert(
      fc.property(gapsMs, witness, fc.nat(12_000), fc.nat(12_000), (gaps, seen, a, b) => {
        const [early, late] = a < b ? [a, b] : [b, a]
        const before = rank[classify(early, gaps, seen).kind]
        expect(rank[classify(late, gaps, seen).kind]).toBeGreaterThanOrEqual(before)
      }),
    )
  })

  test('a node is dead after the longest allowed silence, no matter what else is known', () => {
    fc.assert(
      fc.property(gapsMs, witness, fc.integer({ min: 10_000, max: 1e9 }), (gaps, seen, ms) => {
        expect(classify(ms, gaps, seen).kind).toBe('dead')
      }),
    )
  })
})

describe('admitHeartbeat', () => {
  const known = { incarnation: 5, version: 10, startedAtMs: 1, dead: false }
  test.each([
    [undefined, { incarnation: 1, version: 1, startedAtMs: 1 }, 'take', 'first'],
    [known, { incarnation: 5, version: 11, startedAtMs: 1 }, 'take', 'newer'],
    [known, { incarnation: 5, version: 10, startedAtMs: 1 }, 'ignore', 'older'],
    [known, { incarnation: 4, version: 99, startedAtMs: 1 }, 'ignore', 'older'],
    [known, { incarnation: 4, version: 1, startedAtMs: 2 }, 'ignore', 'behind'],
    [{ ...known, dead: true }, { incarnation: 4, version: 1, startedAtMs: 2 }, 'ignore', 'behind'],
    [known, { incarnation: 6, version: 1, startedAtMs: 1 }, 'take', 'resumed'],
    [known, { incarnation: 6, version: 1, startedAtMs: 2 }, 'restarted', 'new-process'],
    [
      { ...known, dead: true },
      { incarnation: 5, version: 11, startedAtMs: 1 },
      'ignore',
      'dead-incarnation',
    ],
    [{ ...known, dead: true }, { incarnation: 6, version: 1, startedAtMs: 1 }, 'take', 'resumed'],
    [{ ...known, dead: true }, { incarnation: 6, version: 1, startedAtMs: 2 }, 'take', 'resumed'],
  ] as const)(
    'after the known state %j, the heartbeat %j leads to "%s" for the reason "%s"',
    (before, heartbeat, kind, reason) => {
      expect(admitHeartbeat(before, heartbeat)).toEqual({ kind, reason })
    },
  )

  test('an accepted heartbeat never has an older (incarnation, version) than the heartbeat before it', () => {
    const order = fc.record({ incarnation: fc.nat(3), version: fc.nat(5), startedAtMs: fc.nat(1) })
    fc.assert(
      fc.property(fc.array(order, { maxLength: 30 }), (heartbeats) => {
        let last: (typeof heartbeats)[number] | undefined
        for (const heartbeat of heartbeats) {
          const decision = admitHeartbeat(last && { ...last, dead: false }, heartbeat)
          if (decision.kind === 'ignore') continue
          if (last !== undefined) {
            const newer =
              heartbeat.incarnation > last.incarnation ||
              (heartbeat.incarnation === last.incarnation && heartbeat.version > last.version)
            expect(newer).toBe(true)
          }
          last = heartbeat
        }
      }),
    )
  })
})

describe('decideDeath', () => {
  const healthy: MonitorHealth = {
    ownLagMs: 0,
    silenceMs: 1_500,
    connectedForMs: 60_000,
    brokerAnswers: true,
    nodes: 10,
    ill: 1,
  }
  test.each([
    [{}, 'allow', 'healthy'],
    [{ ownLagMs: 250 }, 'allow', 'healthy'],
    [{ ownLagMs: 251 }, 'withhold', 'own-lag'],
    [{ ownLagMs: 300, silenceMs: 5_999 }, 'withhold', 'own-lag'],
    [{ ownLagMs: 300, silenceMs: 6_000 }, 'allow', 'healthy'],
    [{ connectedForMs: 2_999 }, 'withhold', 'broker-restarted'],
    [{ brokerAnswers: false }, 'withhold', 'broker-silent'],
    [{ ill: 3 }, 'allow', 'healthy'],
    [{ ill: 4 }, 'withhold', 'mass-illness'],
    [{ nodes: 2, ill: 2 }, 'allow', 'healthy'],
    [{ nodes: 3, ill: 3 }, 'withhold', 'mass-illness'],
  ] as const)(
    'a monitor with the health %j decides "%s" for the reason "%s"',
    (change, kind, reason) => {
      expect(decideDeath({ ...healthy, ...change })).toEqual({ kind, reason })
    },
  )

  test('when many nodes fall silent at once (mass illness), deaths wait at most five seconds: a node that is silent for longer may be declared dead', () => {
    const silent = (silenceMs: number) => ({ state: 'suspect' as const, silenceMs })
    const silences = [1_500, 4_999, 5_000, 90_000]
    expect(illnessOf(silences.map(silent))).toEqual({ nodes: 4, ill: 2 })
    expect(illnessOf([{ state: 'alive', silenceMs: 100 }])).toEqual({ nodes: 1, ill: 0 })
  })

  test('nodes that died in an earlier mass illness (many nodes silent at once) do not count in the next mass illness', () => {
    const dead = (silenceMs: number) => ({ state: 'dead' as const, silenceMs })
    expect(illnessOf([dead(2_000), dead(30_000)])).toEqual({ nodes: 1, ill: 1 })
  })
})
