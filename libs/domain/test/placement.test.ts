import { array, assert as check, constantFrom, integer, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  creditsOf,
  isEligible,
  LEVELS,
  PLACEMENT_LIMITS,
  planIntake,
  selectNode,
  type NodeLoad,
} from '../src/index.ts'

const node: NodeLoad = {
  id: 'a',
  incarnation: 1,
  slots: 10,
  active: 0,
  inTransit: 0,
  cpu: 0,
  memory: 0,
  lagMs: 0,
  responseMs: 0,
  draining: false,
  suspect: false,
  passing: true,
  beatAgeMs: 0,
}
const task = { cpu: 'medium', memory: 'medium' } as const
const select = (nodes: NodeLoad[], what: Parameters<typeof selectNode>[1] = task) =>
  selectNode(nodes, what, PLACEMENT_LIMITS, () => 0.5)

describe('placing a task', () => {
  it.each<[string, NodeLoad[], object]>([
    ['holds it when there is no node', [], { kind: 'hold', reason: 'no-nodes' }],
    ['skips a draining node', [{ ...node, draining: true }], { reason: 'no-nodes' }],
    ['skips a suspect node', [{ ...node, suspect: true }], { reason: 'no-nodes' }],
    [
      'skips a node that Consul does not list',
      [{ ...node, passing: false }],
      { reason: 'no-nodes' },
    ],
    ['skips a node with stale figures', [{ ...node, beatAgeMs: 1_001 }], { reason: 'no-nodes' }],
    ['holds it when every slot is taken', [{ ...node, active: 10 }], { reason: 'no-credits' }],
    ['counts what is on its way', [{ ...node, active: 5, inTransit: 5 }], { reason: 'no-credits' }],
    [
      'picks the emptier node',
      [
        { ...node, active: 5 },
        { ...node, id: 'b', active: 4 },
      ],
      { kind: 'place', nodeId: 'b' },
    ],
    [
      'picks the idler processor among equally full nodes',
      [
        { ...node, cpu: 0.9 },
        { ...node, id: 'b', cpu: 0.1 },
      ],
      { nodeId: 'b' },
    ],
  ])('%s', (_title, nodes, expected) => {
    expect(select(nodes)).toMatchObject(expected)
  })

  it('keeps a task that needs much processor off a busy node', () => {
    expect(select([{ ...node, cpu: 0.9 }], { cpu: 'high', memory: 'low' })).toMatchObject({
      kind: 'hold',
      reason: 'no-room',
    })
    expect(select([{ ...node, cpu: 0.9 }], task)).toMatchObject({ kind: 'place' })
  })

  it('never picks a node that may not take it, and picks one whenever one may', () => {
    const anyNode = record({
      active: integer({ min: 0, max: 12 }),
      inTransit: integer({ min: 0, max: 3 }),
      draining: constantFrom(true, false),
      suspect: constantFrom(true, false),
      passing: constantFrom(true, false),
      beatAgeMs: constantFrom(0, 500, 2_000),
    })
    check(
      property(array(anyNode, { maxLength: 8 }), (parts) => {
        const nodes = parts.map((part, index) => ({ ...node, ...part, id: `n${index}` }))
        const able = nodes.filter(
          (each) => isEligible(each, PLACEMENT_LIMITS) && creditsOf(each, PLACEMENT_LIMITS) > 0,
        )
        const decision = select(nodes)
        if (decision.kind === 'hold') expect(able).toEqual([])
        else expect(able.map(({ id }) => id)).toContain(decision.nodeId)
      }),
    )
  })
})

describe('fetching pointers', () => {
  const level = integer({ min: 0, max: 500 })
  const levels = record({ low: level, medium: level, high: level })

  it('never asks for more than there are credits (late binding)', () => {
    check(
      property(
        integer({ min: 0, max: 1_000 }),
        levels,
        constantFrom(...LEVELS),
        (credits, waiting, first) => {
          const asked = { low: 0, medium: 0, high: 0 }
          for (const priority of [first, ...LEVELS.filter((other) => other !== first)]) {
            asked[priority] = planIntake(priority, { credits, waiting, asked })
          }
          expect(asked.low + asked.medium + asked.high).toBeLessThanOrEqual(credits)
        },
      ),
    )
  })

  it('leaves low a share beside a backlog of high', () => {
    const waiting = { low: 100, medium: 0, high: 100 }
    const asked = { low: 0, medium: 0, high: 0 }
    const high = planIntake('high', { credits: 70, waiting, asked })
    expect(high).toBe(60)
    expect(planIntake('low', { credits: 70, waiting, asked: { ...asked, high } })).toBe(10)
  })

  it('gives the only backlog nearly everything', () => {
    const waiting = { low: 0, medium: 9_999, high: 0 }
    const asked = { low: 5, medium: 0, high: 5 }
    expect(planIntake('medium', { credits: 100, waiting, asked })).toBe(90)
  })
})
