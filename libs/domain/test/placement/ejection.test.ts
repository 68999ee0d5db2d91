import {
  array,
  assert as check,
  boolean,
  constantFrom,
  integer,
  property,
  record,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  NONE_EJECTED,
  ejectedOf,
  nextEjections,
  type EjectionEvent,
  type EjectionState,
} from '../../src/index.ts'

const NODES = ['a', 'b', 'c', 'd', 'e', 'f']
const fail = (nodeId: string, failed: number): EjectionEvent => ({
  kind: 'ran',
  nodeId,
  ok: 0,
  failed,
})
const serve = (nodeId: string, ok: number): EjectionEvent => ({
  kind: 'ran',
  nodeId,
  ok,
  failed: 0,
})
const fold = (events: readonly (readonly [number, EjectionEvent])[], state = NONE_EJECTED) =>
  events.reduce<EjectionState>(
    (now, [atMs, event]) => nextEjections(now, event, atMs, () => 0.5),
    state,
  )
const out = (state: EjectionState, nowMs: number, nodes = NODES) =>
  Object.fromEntries(ejectedOf(state, nodes, nowMs))

describe('the ejection of failing nodes', () => {
  it('takes a node out at five failures in a row, and not when a success is among them', () => {
    expect(out(fold([[0, fail('a', 4)]]), 0)).toEqual({})
    expect(out(fold([[0, fail('a', 5)]]), 0)).toEqual({ a: 'out' })
    const mixed = fold([
      [0, fail('a', 4)],
      [1, serve('a', 1)],
      [2, fail('a', 4)],
    ])
    expect(out(mixed, 2)).toEqual({})
  })

  it('takes a node out when less than four of five tasks succeed, given twenty of them', () => {
    const round = (failed: number): EjectionEvent => ({ kind: 'ran', nodeId: 'a', ok: 7, failed })
    expect(
      out(
        fold([
          [0, round(3)],
          [1, round(2)],
        ]),
        1,
      ),
    ).toEqual({})
    expect(
      out(
        fold([
          [0, round(3)],
          [1, round(3)],
        ]),
        1,
      ),
    ).toEqual({ a: 'out' })
    const old = fold([
      [0, round(3)],
      [31_000, round(3)],
    ])
    expect(out(old, 31_000)).toEqual({})
  })

  it('ends with one probe task that decides whether the node returns, and lasts longer each time the node is ejected', () => {
    let state = fold([[0, fail('a', 5)]])
    expect(out(state, 9_999)).toEqual({ a: 'out' })
    expect(out(state, 10_000)).toEqual({ a: 'probe' })
    state = fold([[10_000, { kind: 'probe', nodeId: 'a' }]], state)
    expect(out(state, 10_001)).toEqual({ a: 'out' })
    const again = fold([[10_500, fail('a', 1)]], state)
    expect(out(again, 30_499)).toEqual({ a: 'out' })
    expect(out(again, 30_500)).toEqual({ a: 'probe' })
    expect(out(fold([[10_500, serve('a', 1)]], state), 10_500)).toEqual({})
    // A probe that still runs has not failed as the tasks of a faulty node do.
    expect(out(state, 14_999)).toEqual({ a: 'out' })
    expect(out(state, 15_000)).toEqual({})
  })

  it('never lasts longer than 36 s', () => {
    let state = NONE_EJECTED
    let atMs = 0
    for (let round = 0; round < 30; round += 1) {
      state = nextEjections(state, fail('a', 5), atMs, () => 0.999)
      const { untilMs } = state.get('a')!
      expect(untilMs - atMs).toBeLessThanOrEqual(36_000)
      atMs = untilMs
      state = nextEjections(state, { kind: 'probe', nodeId: 'a' }, atMs, () => 0.5)
    }
  })

  it('ends when the node starts a new process, and has its shortest duration again after two minutes without failures', () => {
    const state = fold([[0, fail('a', 5)]])
    expect(out(fold([[1, { kind: 'restarted', nodeId: 'a' }]], state), 1)).toEqual({})
    const back = fold(
      [
        [10_000, { kind: 'probe', nodeId: 'a' }],
        [11_000, serve('a', 1)],
        [132_000, fail('a', 5)],
      ],
      state,
    )
    expect(back.get('a')).toMatchObject({ state: 'ejected', times: 1 })
  })

  it('takes out at most a third of the fleet, at most one of two nodes, and never the only node', () => {
    const node = constantFrom(...NODES)
    const event = record({
      nodeId: node,
      ok: integer({ min: 0, max: 3 }),
      failed: integer({ min: 0, max: 9 }),
      probe: boolean(),
    })
    check(
      property(array(event, { maxLength: 60 }), integer({ min: 1, max: 6 }), (events, count) => {
        let state = NONE_EJECTED
        let atMs = 0
        for (const { nodeId, ok, failed, probe } of events) {
          atMs += 700
          state = nextEjections(state, { kind: 'ran', nodeId, ok, failed }, atMs, () => 0.5)
          if (probe) state = nextEjections(state, { kind: 'probe', nodeId }, atMs, () => 0.5)
          const most = count === 1 ? 0 : Math.max(1, Math.floor(count / 3))
          expect(ejectedOf(state, NODES.slice(0, count), atMs).size).toBeLessThanOrEqual(most)
        }
      }),
    )
  })
})
