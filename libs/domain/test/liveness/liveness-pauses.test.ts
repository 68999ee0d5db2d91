import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  HEARTBEAT_INTERVAL_MS,
  classifyNode,
  GAP_MAX_MS,
  LATE_AFTER_MS,
  LIVENESS_LIMITS,
  type LivenessLimits,
  type LivenessState,
  type Witness,
} from '../../src/index.ts'

/**
 * A node and its monitor in virtual time: heartbeats with delays, pings that only a running process answers,
 * pauses at any moment.
 */

interface World {
  /** The node is frozen from here on, for this long (Infinity: for ever). */
  readonly pausedAtMs: number
  readonly pauseMs: number
  /** Its connection is gone while it is frozen: it was killed. */
  readonly killed: boolean
  /** How late each heartbeat is, because the machine is busy; used in turn. */
  readonly delaysMs: readonly number[]
  /** How long the node takes to act again after the pause. */
  readonly wakeMs: number
}

const TICK_MS = 50
const PING_WITHIN_MS = 300
const PING_PAUSE_MS = 100
const WITNESS_VALID_MS = 1_000
const END_MS = 20_000

/** Times at which heartbeats arrive. */
function arrivals({ pausedAtMs, pauseMs, killed, delaysMs, wakeMs }: World): number[] {
  const seen: number[] = []
  const resumedAtMs = killed ? Infinity : pausedAtMs + pauseMs
  let dueMs = 0
  for (let n = 0; dueMs < END_MS; n += 1) {
    const late = dueMs + (delaysMs[n % delaysMs.length] ?? 0)
    const stands = late >= pausedAtMs && late < resumedAtMs + wakeMs
    const atMs = stands ? resumedAtMs + wakeMs : late
    if (atMs >= END_MS) break
    seen.push(atMs)
    dueMs = Math.max(dueMs + HEARTBEAT_INTERVAL_MS, stands ? atMs + HEARTBEAT_INTERVAL_MS : 0)
  }
  return seen
}

/** The worst state that the monitor assigns, and when. */
function watch(
  world: World,
  limits: LivenessLimits = LIVENESS_LIMITS,
): { readonly worst: LivenessState; readonly atMs: number } {
  const heartbeatsAtMs = arrivals(world)
  const goesOnAtMs = world.pausedAtMs + world.pauseMs + world.wakeMs
  const stands = (atMs: number): boolean =>
    atMs >= world.pausedAtMs && (world.killed || atMs < goesOnAtMs)
  const gapsMs: number[] = []
  let lastHeartbeatAtMs = 0
  let opinion: { witness: Witness; atMs: number } | undefined
  let ping: { sentAtMs: number } | undefined
  let worst: LivenessState = 'alive'
  for (let now = 0; now < END_MS; now += TICK_MS) {
    while ((heartbeatsAtMs[0] ?? Infinity) <= now) {
      const atMs = heartbeatsAtMs.shift() ?? 0
      if (atMs - lastHeartbeatAtMs <= GAP_MAX_MS) gapsMs.push(atMs - lastHeartbeatAtMs)
      lastHeartbeatAtMs = atMs
      opinion = undefined
      ping = undefined
    }
    if (ping !== undefined) {
      const answersAtMs = stands(ping.sentAtMs) ? goesOnAtMs : ping.sentAtMs
      if (world.killed && stands(ping.sentAtMs)) opinion = { witness: 'connection-gone', atMs: now }
      else if (answersAtMs <= now) opinion = { witness: 'answering', atMs: now }
      else if (now - ping.sentAtMs >= PING_WITHIN_MS) {
        opinion = { witness: 'ping-failed', atMs: now }
      }
      if (opinion?.atMs === now) ping = undefined
    }
    const late = now - lastHeartbeatAtMs > LATE_AFTER_MS
    if (late && ping === undefined && now - (opinion?.atMs ?? -Infinity) >= PING_PAUSE_MS) {
      ping = { sentAtMs: now }
    }
    const valid = opinion !== undefined && now - opinion.atMs <= WITNESS_VALID_MS
    const heartbeats = { lastHeartbeatAtMs, gapsMs: gapsMs.slice(-50) }
    const witness = valid && opinion !== undefined ? opinion.witness : 'none'
    const { kind } = classifyNode(heartbeats, witness, limits, now)
    if (kind === 'dead') return { worst: 'dead', atMs: now }
    if (kind === 'suspect') worst = 'suspect'
  }
  return { worst, atMs: END_MS }
}

const delaysMs = fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 40 })
const pausedAtMs = fc.integer({ min: 2_000, max: 12_000 })

describe('a node that is frozen for a second', () => {
  test('is never declared dead, no matter when it freezes and how busy the machine is', () => {
    // A heartbeat interval (500 ms), the greatest delay (200), the pause (1,000) and this add up to `weakMs`.
    const wakeMs = fc.integer({ min: 0, max: 800 })
    fc.assert(
      fc.property(pausedAtMs, wakeMs, delaysMs, (at, wake, delays) => {
        const world = { pausedAtMs: at, pauseMs: 1_000, killed: false, delaysMs: delays }
        expect(watch({ ...world, wakeMs: wake }).worst).not.toBe('dead')
      }),
      { numRuns: 800 },
    )
  })

  test('would be declared dead if the failure detector accepted a failed ping without a delay', () => {
    const world = { pausedAtMs: 5_490, pauseMs: 1_000, killed: false, delaysMs: [0], wakeMs: 100 }
    expect(watch(world, { ...LIVENESS_LIMITS, weakMs: 0 }).worst).toBe('dead')
    expect(watch(world).worst).toBe('suspect')
  })

  test('is not even suspect when it sends a heartbeat again within 1.3 s', () => {
    const world = { pauseMs: 700, killed: false, delaysMs: [0], wakeMs: 0 }
    fc.assert(
      fc.property(pausedAtMs, (at) => {
        expect(watch({ ...world, pausedAtMs: at }).worst).toBe('alive')
      }),
    )
  })
})

describe('a node that is gone', () => {
  test('is declared dead within 1.65 s of its end when its connection is gone', () => {
    fc.assert(
      fc.property(pausedAtMs, delaysMs, (at, delays) => {
        const world = { pausedAtMs: at, pauseMs: Infinity, delaysMs: delays, wakeMs: 0 }
        const { worst, atMs } = watch({ ...world, killed: true })
        expect(worst).toBe('dead')
        expect(atMs - at).toBeLessThanOrEqual(1_650)
      }),
      { numRuns: 400 },
    )
  })

  test('is declared dead within 3.35 s when it is frozen with its connection open', () => {
    fc.assert(
      fc.property(pausedAtMs, delaysMs, (at, delays) => {
        const world = { pausedAtMs: at, pauseMs: Infinity, delaysMs: delays, wakeMs: 0 }
        const { worst, atMs } = watch({ ...world, killed: false })
        expect(worst).toBe('dead')
        expect(atMs - at).toBeLessThanOrEqual(3_350)
      }),
      { numRuns: 400 },
    )
  })
})
