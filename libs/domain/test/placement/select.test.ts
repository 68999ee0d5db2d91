import { array, assert as check, constantFrom, integer, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterPlacing,
  creditsOf,
  fleetLimits,
  isEligible,
  LEVELS,
  ownShare,
  PLACEMENT_LIMITS,
  placementNote,
  prepareAdvice,
  selectNode,
  settleAdvice,
  type NodeLoad,
  type Placement,
} from '../../src/index.ts'

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
  heartbeatAgeMs: 0,
}
const task = { cpu: 'medium', memory: 'medium' } as const
const select = (nodes: NodeLoad[], what: Parameters<typeof selectNode>[1] = task) =>
  selectNode(nodes, what, PLACEMENT_LIMITS, () => 0.5)

describe('the choice of a node for a task', () => {
  it.each<[string, NodeLoad[], object]>([
    ['holds it when there is no node', [], { kind: 'hold', reason: 'no-nodes' }],
    ['skips a draining node', [{ ...node, draining: true }], { reason: 'no-nodes' }],
    ['skips a suspect node', [{ ...node, suspect: true }], { reason: 'no-nodes' }],
    [
      'skips a node that Consul does not list',
      [{ ...node, passing: false }],
      { reason: 'no-nodes' },
    ],
    [
      'skips a node with stale figures',
      [{ ...node, heartbeatAgeMs: 1_001 }],
      { reason: 'no-nodes' },
    ],
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
  ])('depends on the states of the nodes: the load balancer %s', (_title, nodes, expected) => {
    expect(select(nodes)).toMatchObject(expected)
  })

  it('does not give a task that needs much processor to a busy node', () => {
    expect(select([{ ...node, cpu: 0.9 }], { cpu: 'high', memory: 'low' })).toMatchObject({
      kind: 'hold',
      reason: 'no-room',
    })
    expect(select([{ ...node, cpu: 0.9 }], task)).toMatchObject({ kind: 'place' })
  })

  it('does not give a task to a node whose memory is full for the class of the task', () => {
    const full = [{ ...node, memory: 0.9 }]
    expect(select(full, { cpu: 'low', memory: 'high' })).toMatchObject({ reason: 'no-room' })
    expect(select(full, { cpu: 'low', memory: 'medium' })).toMatchObject({ kind: 'place' })
  })

  it('prefers a node over an equally full node that answers far more slowly', () => {
    const limits = { ...PLACEMENT_LIMITS, typicalMs: 1_000 }
    const nodes = [
      { ...node, responseMs: 5_000 },
      { ...node, id: 'b', responseMs: 1_000, active: 1 },
    ]
    expect(selectNode(nodes, task, limits, () => 0.5)).toMatchObject({ nodeId: 'b' })
  })

  it('never picks a node that may not take the task, and always picks a node if one may take the task', () => {
    const anyNode = record({
      active: integer({ min: 0, max: 12 }),
      inTransit: integer({ min: 0, max: 3 }),
      draining: constantFrom(true, false),
      suspect: constantFrom(true, false),
      passing: constantFrom(true, false),
      heartbeatAgeMs: constantFrom(0, 500, 2_000),
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

const pick = (nodes: NodeLoad[], what: Partial<Placement>, random = () => 0.5) =>
  selectNode(nodes, { ...task, ...what }, PLACEMENT_LIMITS, random)
const fleet = (count: number, parts: Partial<NodeLoad> = {}): NodeLoad[] =>
  Array.from({ length: count }, (_, index) => ({ ...node, ...parts, id: `n${index}` }))

describe('the requirement classes of tasks', () => {
  it('allow a node no more heavy tasks than it has room for, including tasks that are already dispatched to it', () => {
    let loaded: NodeLoad = node
    let taken = 0
    while (pick([loaded], { cpu: 'high' }).kind === 'place' && taken < 99) {
      loaded = afterPlacing(loaded, { cpu: 'high', memory: 'low' })
      taken += 1
    }
    expect(taken).toBe(2)
    expect(pick([loaded], { cpu: 'high' })).toMatchObject({ kind: 'hold', reason: 'no-room' })
    expect(pick([loaded], { cpu: 'low' })).toMatchObject({ kind: 'place' })
  })

  it('allow an empty node of any size to take any single task', () => {
    check(
      property(
        integer({ min: 1, max: 64 }),
        constantFrom(...LEVELS),
        constantFrom(...LEVELS),
        (slots, cpu, memory) => {
          expect(pick([{ ...node, slots }], { cpu, memory }).kind).toBe('place')
        },
      ),
    )
  })

  it('send a task where its scarcest resource is least used', () => {
    const busy = { ...node, id: 'cpu', active: 2, reservedCpu: 8 }
    const full = { ...node, id: 'slots', active: 6, reservedCpu: 3 }
    expect(pick([busy, full], {})).toMatchObject({ nodeId: 'slots' })
  })
})

describe('several load balancers', () => {
  it('share every credit and do not spend a credit twice', () => {
    check(
      property(
        integer({ min: 0, max: 200 }),
        integer({ min: 1, max: 7 }),
        integer({ min: 0, max: 99 }),
        (free, count, turn) => {
          const parts = Array.from({ length: count }, (_, index) =>
            ownShare(free, 'node-12', { count, index, turn }),
          )
          expect(parts.reduce((sum, part) => sum + part, 0)).toBe(free)
          expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })
})

describe('the slow start of a new node', () => {
  const cold = { ...node, id: 'cold', slots: 100, upMs: 0 }
  const limitsOf = (nodes: NodeLoad[]) =>
    fleetLimits(nodes, PLACEMENT_LIMITS, { count: 1, index: 0 })

  it.each([
    [0, 10],
    [1_000, 10],
    [15_000, 50],
    [30_000, 100],
  ])(
    'opens a tenth of the 100 slots of a new node at once and all after 30 s (after %d ms: %d slots)',
    (upMs, credits) => {
      const nodes = [...fleet(5, { slots: 100 }), { ...cold, upMs }]
      expect(creditsOf(nodes[5]!, limitsOf(nodes))).toBe(credits)
    },
  )

  it('does not delay a node when the whole fleet starts', () => {
    const nodes = fleet(4, { slots: 100, upMs: 0 })
    expect(creditsOf(nodes[0]!, limitsOf(nodes))).toBe(100)
  })
})

describe('ejected nodes', () => {
  it('get no task until their probe is due, and then get one task as the probe', () => {
    const nodes = fleet(3)
    nodes[1] = { ...nodes[1]!, ejected: 'out' }
    expect(pick(nodes, {}).weighed.skipped.ejected).toBe(1)
    nodes[1] = { ...nodes[1], ejected: 'probe', active: 5 }
    expect(pick(nodes, {})).toMatchObject({ nodeId: 'n1', reason: 'probe' })
    expect(creditsOf(nodes[1], PLACEMENT_LIMITS)).toBe(1)
    expect(pick(nodes, { excluded: ['n0'] })).toMatchObject({ nodeId: 'n2' })
    expect(afterPlacing(nodes[1], task)).toMatchObject({ ejected: 'out' })
  })
})

describe('the affinity key of tasks', () => {
  it('sends one key to one node while the node has room, and keeps the key there when other nodes join or leave', () => {
    const home = pick(fleet(20), { affinityKey: 'conversation-7' })
    expect(home).toMatchObject({ reason: 'affinity' })
    const { nodeId } = home as { nodeId: string }
    const busy = fleet(20).map((each) => (each.id === nodeId ? { ...each, active: 9 } : each))
    expect(pick(busy, { affinityKey: 'conversation-7' })).toMatchObject({ nodeId })
    const fewer = busy.filter(({ id }, index) => id === nodeId || index % 2 === 0)
    expect(pick(fewer, { affinityKey: 'conversation-7' })).toMatchObject({ nodeId })
    const full = busy.map((each) => (each.id === nodeId ? { ...each, active: 10 } : each))
    expect(pick(full, { affinityKey: 'conversation-7' })).toMatchObject({ reason: 'lowest-load' })
    expect(pick(busy, { affinityKey: 'conversation-7' }, () => 0.001)).toMatchObject({
      reason: 'lowest-load',
    })
  })

  it('spreads tasks with different keys evenly over the nodes', () => {
    const counts = new Map<string, number>()
    for (let key = 0; key < 4_000; key += 1) {
      const { nodeId } = pick(fleet(10), { affinityKey: `k${key}` }) as { nodeId: string }
      counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1)
    }
    expect(counts.size).toBe(10)
    for (const count of counts.values()) expect(Math.abs(count - 400)).toBeLessThan(120)
  })
})

describe('the placement of a task with advice', () => {
  const nodes = fleet(4).map((each, index) => ({ ...each, active: index }))
  const question = prepareAdvice(nodes, task, PLACEMENT_LIMITS)!
  const settle = (answer: unknown, now = nodes) =>
    settleAdvice(question, answer, now, task, PLACEMENT_LIMITS, () => 0.5)

  it('sends only figures and labels to the adviser', () => {
    expect(question.choices).toEqual(['n1', 'n2', 'n3', 'n4'])
    expect(question.candidates.map(({ id }) => id)).toEqual(['n0', 'n1', 'n2', 'n3'])
    const texts = Object.values(question.figures).filter((value) => typeof value === 'string')
    expect(texts).toEqual(['medium', 'medium'])
    expect(prepareAdvice([node], task, PLACEMENT_LIMITS)).toBeUndefined()
  })

  it('follows a choice among the candidates', () => {
    expect(settle({ choice: 'n3' })).toMatchObject({
      use: 'followed',
      decision: { nodeId: 'n2', reason: 'advised' },
    })
  })

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'absent'],
    ['a text', 'n3', 'invalid'],
    ['another shape', { choice: 3 }, 'invalid'],
    ['a node that is not a candidate', { choice: 'n9' }, 'not-a-candidate'],
  ])('falls back on the policy for %s', (_title, answer, use) => {
    expect(settle(answer)).toMatchObject({ use, decision: { nodeId: 'n0', reason: 'lowest-load' } })
  })

  it('ignores a candidate that has filled up or failed meanwhile', () => {
    const filled = nodes.map((each) => (each.id === 'n2' ? { ...each, active: 10 } : each))
    expect(settle({ choice: 'n3' }, filled)).toMatchObject({ use: 'gone' })
    const ill = nodes.map((each) => (each.id === 'n2' ? { ...each, suspect: true } : each))
    expect(settle({ choice: 'n3' }, ill)).toMatchObject({ use: 'gone', decision: { nodeId: 'n0' } })
  })
})

describe('the placement note of a task', () => {
  it('contains the choice, the candidates and the nodes that were left out', () => {
    const nodes = [
      { ...node, active: 5 },
      { ...node, id: 'b', active: 4 },
      { ...node, id: 'c', suspect: true },
    ]
    expect(placementNote(pick(nodes, {}))).toBe(
      'lowest-load of 3 nodes: b 0.4 (6 free), a 0.5 (5 free); skipped 1 suspect',
    )
    expect(placementNote(pick([], {}))).toBe('no-nodes of 0 nodes')
  })

  it('has at most 200 characters, even if the ids of the nodes are long', () => {
    const long = Array.from({ length: 9 }, (_, index) => ({
      ...node,
      id: `${'x'.repeat(120)}${index}`,
    }))
    expect(placementNote(pick(long, {})).length).toBeLessThanOrEqual(200)
  })
})
