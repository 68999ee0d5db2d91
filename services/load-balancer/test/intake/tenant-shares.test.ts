import { roomOf } from '@agentfleet/domain'
import {
  readTenantLimits,
  type Heartbeat,
  type NodeTenants,
  type Pointer,
} from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { createTenantShares } from '../../src/intake/tenant-shares.ts'

const pointer = (taskId: string, tenant: string, cost = 2_000): Pointer => ({
  taskId,
  tenant,
  seq: 1,
  cpu: 'low',
  memory: 'low',
  cost,
  deadlineAtMs: 0,
  reissue: false,
})

function setup(limits = '{}', living = ['lb']) {
  let nowMs = 0
  const allowances = readTenantLimits(limits).value
  const shares = createTenantShares({
    allowances,
    balancers: () => ({ own: 'lb', living }),
    monotonicMs: () => nowMs,
  })
  const notes = shares.counting({
    dispatched: () => undefined,
    ended: () => undefined,
    returned: () => undefined,
    nodeGone: () => undefined,
    sweep: () => undefined,
    flush: () => Promise.resolve(),
  })
  return {
    shares,
    notes,
    /** Time passes, in which the load balancer announces itself as usual. */
    pass(ms: number) {
      for (let left = ms; left > 0; left -= 500) {
        nowMs += Math.min(500, left)
        shares.announced()
      }
    },
    /** The process stands still. */
    pause: (ms: number) => (nowMs += ms),
    dispatch(taskId: string, tenant: string, nodeId = 'n1', runsAt?: string, cost = 2_000) {
      const item = {
        pointer: pointer(taskId, tenant, cost),
        priority: 'medium' as const,
        ackSubject: 'ack',
        running: false,
        fenced: false,
        runsAt,
        why: undefined,
        issued: false,
        heldSinceMs: 0,
      }
      notes.dispatched(item, nodeId)
    },
    heartbeat: (nodeId: string, active: number) =>
      shares.heartbeat({ nodeId, incarnation: 5, active, queued: 0 } as Heartbeat),
    /** What the nodes answer, all at once. */
    count(...answers: NodeTenants[]) {
      shares.asking()
      for (const answer of answers) shares.runs(answer)
      shares.tally()
    },
  }
}

test('a task counts once towards the limit of its tenant from its fetch to its end, even if it is fetched or dispatched again', () => {
  const { shares, notes, dispatch } = setup()
  shares.fetched('a', 't')
  dispatch('a', 't', 'n1', undefined, 9_000)
  expect(shares.standing('t')).toMatchObject({ inFlight: 1, inFlightCost: 9_000 })
  // The node died, and the task was fetched again.
  shares.fetched('a', 't')
  dispatch('a', 't', 'n2', undefined, 9_000)
  expect(shares.standing('t').inFlight).toBe(1)
  notes.nodeGone('n1')
  expect(shares.standing('t').inFlight).toBe(1)
  // L9: another node cannot end it.
  notes.ended(['a', 'never-seen'], 'n1')
  expect(shares.standing('t').inFlight).toBe(1)
  notes.ended(['a', 'never-seen'], 'n2')
  expect(shares.standing('t')).toMatchObject({ inFlight: 0, inFlightCost: 0 })
})

test('L6: a task whose end message was lost does not count towards the limit of its tenant for ever', () => {
  const { shares, pass, dispatch, heartbeat } = setup()
  for (const id of ['a', 'b', 'c']) dispatch(id, 't')
  // The heartbeat may be older than the dispatch.
  heartbeat('n1', 0)
  expect(shares.standing('t').inFlight).toBe(3)
  pass(5_000)
  dispatch('d', 't')
  heartbeat('n1', 2)
  expect(shares.standing('t').inFlight).toBe(3)
  pass(5_000)
  heartbeat('n1', 0)
  expect(shares.standing('t').inFlight).toBe(0)
})

test('a pointer that was fetched but never sent to a node no longer counts towards the limit of its tenant after some time', () => {
  const { shares, pass } = setup()
  shares.fetched('broken', 't')
  pass(200_000)
  shares.tally()
  expect(shares.standing('t').inFlight).toBe(0)
})

test('tasks in flight at other load balancers count towards the limit of a tenant, and each load balancer fills its part of the limit', () => {
  const { shares, dispatch, count } = setup('{"t":{"concurrency":10,"weight":2}}', ['lb', 'other'])
  count()
  expect(roomOf(shares.standing('t'))).toBe(5)
  shares.fetched('a', 't')
  dispatch('a', 't')
  count({ nodeId: 'n1', tenants: { t: 8 }, givers: { lb: { t: 1 }, other: { t: 7 } } })
  const { inFlight, weight } = shares.standing('t')
  expect({ inFlight, weight }).toEqual({ inFlight: 8, weight: 2 })
  expect(roomOf(shares.standing('t'))).toBe(2)
  count({ nodeId: 'n1', tenants: { t: 2 }, givers: { lb: { t: 1 }, other: { t: 1 } } })
  expect(roomOf(shares.standing('t'))).toBe(4)
})

test('L9: a node that claims tasks of a tenant which are not in flight does not use up the limit of the tenant', () => {
  const { shares, dispatch } = setup('{"t":{"concurrency":10}}')
  const claims = (counts: Record<string, number>, inFlight?: Map<string, number>): void => {
    shares.asking()
    shares.runs({ nodeId: 'liar', tenants: counts, givers: { gone: counts } })
    shares.tally(inFlight)
  }
  claims({ t: 1_000, unknown: 7 }, new Map([['t', 0]]))
  expect(roomOf(shares.standing('t'))).toBe(10)
  expect(shares.standing('unknown').inFlight).toBe(0)
  dispatch('own', 't')
  // Three more tasks are in flight, from any load balancer.
  claims({ t: 1_000 }, new Map([['t', 4]]))
  expect(shares.standing('t').inFlight).toBe(4)
  expect(roomOf(shares.standing('t'))).toBe(6)
  // While no coordinator answers, an overrun would be worse than a wait.
  claims({ t: 1_000 })
  expect(roomOf(shares.standing('t'))).toBe(0)
})

test('a new load balancer starts no task of a tenant with a limit until it knows which tasks run already', () => {
  const { shares, dispatch, count } = setup('{"t":{"concurrency":10}}')
  expect(roomOf(shares.standing('t'))).toBe(0)
  expect(roomOf(shares.standing('other'))).toBe(Infinity)
  dispatch('own', 't')
  count(
    { nodeId: 'n1', tenants: { t: 5 }, givers: { lb: { t: 1 }, before: { t: 4 } } },
    { nodeId: 'n2', tenants: { t: 2, other: 9 }, givers: { before: { t: 2, other: 9 } } },
  )
  expect(shares.standing('t').inFlight).toBe(7)
  expect(shares.standing('other').inFlight).toBe(9)
  expect(roomOf(shares.standing('t'))).toBe(3)
  // They have ended meanwhile.
  count({ nodeId: 'n1', tenants: { t: 1 }, givers: { lb: { t: 1 } } })
  expect(shares.standing('t').inFlight).toBe(1)
  expect(shares.standing('other').inFlight).toBe(0)
})

test('tasks on a node that dies or falls silent no longer count towards the limit of their tenant', () => {
  const { shares, pass, dispatch, heartbeat, count } = setup('{"t":{"concurrency":2}}')
  count()
  dispatch('a', 't', 'n1')
  dispatch('b', 't', 'n2')
  heartbeat('n1', 1)
  heartbeat('n2', 1)
  expect(roomOf(shares.standing('t'))).toBe(0)
  // An earlier life of the node.
  shares.died('n1', 4)
  expect(roomOf(shares.standing('t'))).toBe(0)
  shares.died('n1', 5)
  expect(roomOf(shares.standing('t'))).toBe(1)
  pass(11_000)
  count()
  expect(roomOf(shares.standing('t'))).toBe(2)
})

test('a task that its node refused waits in the load balancer again and still counts towards the limit of its tenant', () => {
  const { shares, notes, dispatch, count } = setup('{"t":{"concurrency":1}}')
  count()
  dispatch('a', 't', 'n1')
  notes.returned(['a'])
  expect(roomOf(shares.standing('t'))).toBe(0)
  notes.nodeGone('n1')
  expect(roomOf(shares.standing('t'))).toBe(0)
  shares.released('a')
  expect(roomOf(shares.standing('t'))).toBe(1)
})

test('tasks above the limit of their tenant are not placed, and their tenant is listed', () => {
  const { shares, dispatch, count } = setup('{"*":{"concurrency":2}}')
  count()
  dispatch('a', 't')
  const items = ['b', 'c', 'd'].map((id) => ({
    priority: 'low' as const,
    pointer: pointer(id, id === 'd' ? 'other' : 't'),
  }))
  const { within, beyond } = shares.admit(items)
  expect(within.map((item) => item.pointer.taskId)).toEqual(['b', 'd'])
  expect(beyond.map((item) => item.pointer.taskId)).toEqual(['c'])
  // The task counts from now on, wherever it goes.
  expect(shares.full()).toEqual(['t'])
  expect(shares.admit(items.slice(1, 2)).within).toEqual([])
  shares.released('b')
  expect(shares.full()).toEqual([])
})

test('a task in hand takes a place of the limit only when it goes to a node, and a place comes back with each end', () => {
  const { shares, notes, dispatch, count } = setup('{"t":{"concurrency":2}}')
  count()
  // Requests that were open when the places were taken bring further pointers.
  for (const id of ['a', 'b', 'c', 'd']) shares.fetched(id, 't')
  expect(shares.placesLeft('t')).toBe(2)
  dispatch('a', 't')
  dispatch('b', 't')
  expect(shares.placesLeft('t')).toBe(0)
  // No further pointer is fetched before those in hand are at work.
  notes.ended(['a'], 'n1')
  expect(shares.placesLeft('t')).toBe(1)
  expect(roomOf(shares.standing('t'))).toBe(0)
  dispatch('c', 't')
  notes.returned(['c'])
  expect(shares.placesLeft('t')).toBe(1)
  notes.returned(['c'])
  expect(shares.placesLeft('t')).toBe(1)
  dispatch('c', 't')
  shares.unplaced('b')
  expect(shares.placesLeft('t')).toBe(1)
  shares.released('b')
  expect(shares.placesLeft('t')).toBe(1)
  expect(shares.placesLeft('without-limit')).toBe(Infinity)
})

test('a pointer that was in hand so long that it no longer counts takes a place when it goes to a node', () => {
  const { shares, pass, dispatch, count } = setup('{"t":{"concurrency":1}}')
  shares.fetched('waits', 't')
  pass(200_000)
  count()
  dispatch('other', 't')
  expect(shares.placesLeft('t')).toBe(0)
})

test('PLACE-2: a load balancer that stood still starts no task of a tenant with a limit before its next count, because the others may have taken its places', () => {
  const { shares, pass, pause, count } = setup('{"t":{"concurrency":4}}', ['lb', 'other'])
  count()
  pass(60_000)
  expect(shares.placesLeft('t')).toBe(2)
  shares.asking()
  pause(1_700)
  // It announces itself first, as a process does whose timers are late.
  shares.announced()
  expect(shares.placesLeft('t')).toBe(0)
  // The answers to a question from before say nothing either.
  shares.tally()
  expect(shares.placesLeft('t')).toBe(0)
  count()
  expect(shares.placesLeft('t')).toBe(2)
  pause(1_700)
  expect(shares.admit([{ priority: 'low', pointer: pointer('a', 't') }]).within).toEqual([])
})

test('PLACE-2: a load balancer that came and left since the last count may have started tasks, so no task of a tenant with a limit starts before the next count', () => {
  const living = ['lb']
  const { shares, pass, count } = setup('{"t":{"concurrency":4}}', living)
  count()
  expect(shares.placesLeft('t')).toBe(4)
  living.push('other')
  pass(500)
  expect(shares.placesLeft('t')).toBe(2)
  living.pop()
  expect(shares.placesLeft('t')).toBe(0)
  count({ nodeId: 'n1', tenants: { t: 1 }, givers: { other: { t: 1 } } })
  expect(shares.placesLeft('t')).toBe(3)
})

test('if a node with tasks does not answer, what a coordinator knows to be in flight counts towards the limit of a tenant', () => {
  const { shares } = setup('{"*":{"concurrency":3}}')
  const inFlight = new Map([
    ['t', 3],
    ['u', 1],
  ])
  shares.asking()
  shares.runs({ nodeId: 'n1', tenants: { t: 1 }, givers: { before: { t: 1 } } })
  shares.tally(inFlight, false)
  expect(shares.placesLeft('t')).toBe(0)
  expect(shares.placesLeft('u')).toBe(2)
  expect(shares.placesLeft('quiet')).toBe(3)
  expect(shares.standing('t').inFlight).toBe(3)
  shares.asking()
  shares.runs({ nodeId: 'n1', tenants: { t: 1 }, givers: { before: { t: 1 } } })
  shares.tally(inFlight, true)
  expect(shares.placesLeft('t')).toBe(2)
})

test('a task that a load balancer gave to a node and no longer counts keeps its place until it ends', () => {
  const { shares, notes, dispatch, count } = setup('{"t":{"concurrency":2}}')
  count()
  dispatch('a', 't')
  // A message about an earlier attempt of this task arrived late.
  notes.ended(['a'], 'n1')
  expect(shares.placesLeft('t')).toBe(2)
  count({ nodeId: 'n1', tenants: { t: 1 }, givers: { lb: { t: 1 } } })
  expect(shares.placesLeft('t')).toBe(1)
  count({ nodeId: 'n1', tenants: {}, givers: {} })
  expect(shares.placesLeft('t')).toBe(2)
})

test('a running task whose pointer another load balancer fetches counts once, for the load balancer that gave it to its node', () => {
  const { shares, dispatch, count } = setup('{"t":{"concurrency":4}}', ['lb', 'other'])
  count({ nodeId: 'n1', tenants: { t: 2 }, givers: { other: { t: 2 } } })
  dispatch('a', 't', 'n1', 'n1')
  dispatch('b', 't', 'n1', 'n1')
  expect(shares.placesLeft('t')).toBe(2)
  // A task that this load balancer gave to the node stays counted.
  dispatch('own', 't')
  dispatch('own', 't', 'n1', 'n1')
  expect(shares.placesLeft('t')).toBe(1)
})
