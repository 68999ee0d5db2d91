import { CHANNELS, type Decision, type Incident } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { decisionView, incidentView } from '../../src/fleet/control-views.ts'
import {
  createRecentDecisions,
  DECISIONS_MAX,
  INCIDENTS_MAX,
  RECORDS_MAX_BYTES,
  type RecentDecisions,
} from '../../src/fleet/recent-decisions.ts'
import { decision, entry, incident, outcome } from '../records.ts'

const TASK = '01890a5d-ac96-774b-bcce-b302099a8057'

function decided(recentDecisions: RecentDecisions, count: number) {
  for (let seq = 1; seq <= count; seq += 1) {
    recentDecisions.take(entry({ decision: decision(`d${seq}`) }, seq))
  }
}

test('each outcome is kept once with its decision, and the outcomes stay in order', () => {
  const recentDecisions = createRecentDecisions()
  decided(recentDecisions, 1)
  for (const minutes of [5, 1, 5, 15])
    recentDecisions.take(entry({ outcome: outcome('d1', minutes) }))
  const { outcomes } = decisionView(recentDecisions.decision('d1')!, true)
  expect(outcomes.map(({ afterMinutes }) => afterMinutes)).toEqual([1, 5, 15])
  expect(recentDecisions.take(entry({ outcome: outcome('unknown', 1) }))).toBeUndefined()
})

test('L7: only the latest decisions and incidents are kept', () => {
  const recentDecisions = createRecentDecisions()
  decided(recentDecisions, DECISIONS_MAX + 10)
  for (let i = 1; i <= INCIDENTS_MAX + 10; i += 1) {
    recentDecisions.take(entry({ incident: incident(`i${i}`, { detectedAtMs: i }) }))
  }
  expect(recentDecisions.decisions({ limit: 1e6 }).found).toHaveLength(DECISIONS_MAX)
  expect(recentDecisions.decision('d10')).toBeUndefined()
  expect(recentDecisions.decision('d11')).toBeDefined()
  expect(recentDecisions.incidents({ limit: 1e6 }).found).toHaveLength(INCIDENTS_MAX)
  expect(recentDecisions.incident('i10')).toBeUndefined()
  expect(recentDecisions.take(entry({ outcome: outcome('d1', 1) }))).toBeUndefined()
})

test('L7: decisions that tasks of a tenant cause push out no decision of another kind', () => {
  const recentDecisions = createRecentDecisions()
  decided(recentDecisions, 5)
  for (let at = 0; at < 3 * DECISIONS_MAX; at += 1) {
    const placed = decision(`p${at}`, { service: 'load-balancer', kind: 'place' })
    recentDecisions.take(entry({ decision: placed }, 10 + at))
  }
  const found = recentDecisions.decisions({ limit: 1e6 }).found.map((each) => each.decision.id)
  expect(found).toHaveLength(DECISIONS_MAX)
  expect(found.slice(-5)).toEqual(['d5', 'd4', 'd3', 'd2', 'd1'])
  expect(found[0]).toBe(`p${3 * DECISIONS_MAX - 1}`)
})

test('L7: decisions and incidents of the largest size are kept within a number of bytes', () => {
  const recentDecisions = createRecentDecisions()
  const large = CHANNELS.decision.bytesMax
  const fitting = RECORDS_MAX_BYTES / large
  for (let i = 1; i <= fitting + 10; i += 1) {
    recentDecisions.take({ ...entry({ decision: decision(`d${i}`) }, i), bytes: large })
    recentDecisions.take({ ...entry({ incident: incident(`i${i}`) }, i), bytes: large })
  }
  expect(recentDecisions.decisions({ limit: 1e6 }).found).toHaveLength(fitting)
  expect(recentDecisions.incidents({ limit: 1e6 }).found).toHaveLength(fitting)
  // The outcomes of a decision count with it.
  recentDecisions.take({ ...entry({ outcome: outcome(`d${fitting + 10}`, 1) }), bytes: large })
  expect(recentDecisions.decisions({ limit: 1e6 }).found).toHaveLength(fitting - 1)
})

test('L7: a decision keeps a bounded number of outcomes', () => {
  const recentDecisions = createRecentDecisions()
  decided(recentDecisions, 1)
  for (let i = 0; i < 100; i += 1) recentDecisions.take(entry({ outcome: outcome('d1', i) }))
  expect(recentDecisions.decision('d1')?.outcomes.length).toBeLessThan(10)
})

test('each page of decisions continues after the previous page, even if new decisions arrive', () => {
  const recentDecisions = createRecentDecisions()
  decided(recentDecisions, 5)
  const first = recentDecisions.decisions({ limit: 2 })
  recentDecisions.take(entry({ decision: decision('later') }, 6))
  recentDecisions.take(entry({ outcome: outcome('d3', 1) }, 7))
  const second = recentDecisions.decisions({ limit: 2, after: first.next ?? '' })
  const third = recentDecisions.decisions({ limit: 2, after: second.next ?? '' })
  const ids = [first, second, third].map(({ found }) => found.map((each) => each.decision.id))
  expect(ids).toEqual([['d5', 'd4'], ['d3', 'd2'], ['d1']])
  expect(third.next).toBeUndefined()
})

test('incidents are listed in the order of their detection, no matter which stage they have reached', () => {
  const recentDecisions = createRecentDecisions()
  for (const id of ['a', 'b', 'c']) recentDecisions.take(entry({ incident: incident(id) }))
  recentDecisions.take(entry({ incident: incident('d', { detectedAtMs: 9, nodeId: 'n2' }) }))
  recentDecisions.take(entry({ incident: incident('a', { state: 'closed' }) }))
  const first = recentDecisions.incidents({ limit: 2 })
  const second = recentDecisions.incidents({ limit: 2, after: first.next ?? '' })
  const ids = [first, second].map(({ found }) => found.map(({ id }) => id))
  expect(ids).toEqual([
    ['c', 'b'],
    ['a', 'd'],
  ])
  expect(second.next).toBeUndefined()
  expect(
    recentDecisions.incidents({ limit: 9, state: 'closed' }).found.map(({ id }) => id),
  ).toEqual(['a'])
  expect(recentDecisions.incidents({ limit: 9, node: 'n2' }).found.map(({ id }) => id)).toEqual([
    'd',
  ])
})

test('decisions can be filtered by service, by kind and by the node or task that they concern', () => {
  const recentDecisions = createRecentDecisions()
  recentDecisions.take(entry({ decision: decision('d1') }, 1))
  recentDecisions.take(
    entry({ decision: decision('d2', { service: 'recovery', kind: 'restart' }) }, 2),
  )
  recentDecisions.take(entry({ decision: decision('d3', { about: 'n1' }) }, 3))
  const ids = (query: object) =>
    recentDecisions.decisions({ limit: 9, ...query }).found.map((each) => each.decision.id)
  expect(ids({ service: 'recovery' })).toEqual(['d2'])
  expect(ids({ kind: 'scale-out' })).toEqual(['d3', 'd1'])
  expect(ids({ about: 'n1' })).toEqual(['d3'])
  expect(ids({ about: 'n1', service: 'recovery' })).toEqual([])
})

test('a repeated decision replaces the first one and keeps its outcomes', () => {
  const recentDecisions = createRecentDecisions()
  decided(recentDecisions, 2)
  recentDecisions.take(entry({ outcome: outcome('d1', 1) }, 3))
  recentDecisions.take(entry({ decision: decision('d1', { reason: 'advised' }) }, 4))
  const found = recentDecisions.decisions({ limit: 9 }).found
  expect(found.map((each) => each.decision.id)).toEqual(['d2', 'd1'])
  expect(found[1]).toMatchObject({ decision: { reason: 'advised' }, outcomes: [{}] })
})

test('task ids and free text of an LLM are shown to operators only', () => {
  const advice: NonNullable<Decision['advice']> = {
    mode: 'on',
    outcome: 'applied',
    model: 'm',
    stateHash: 'h',
    cached: false,
    askedAtMs: 1,
    tookMs: 2,
    costUsd: 0,
    answer: { node: 'n1' },
    clamped: [],
    raw: '{"node":"n1"}',
  }
  const about = decision(TASK, { about: TASK, inputs: { task: TASK, nodes: 2 }, advice })
  const recorded = { decision: about, outcomes: [], seq: 1 }
  expect(decisionView(recorded, true)).toMatchObject({ about: TASK, advice: { raw: advice.raw } })
  const guarded = decisionView(recorded, false)
  expect(guarded).toMatchObject({ id: TASK, about: 'task', inputs: { task: 'task', nodes: 2 } })
  expect(guarded.advice).toMatchObject({ outcome: 'applied', answer: { node: 'n1' } })
  expect(guarded.advice).not.toHaveProperty('raw')

  const analysis: NonNullable<Incident['analysis']> = {
    by: 'adviser',
    action: 'none',
    strategy: 'exclude-task',
    impact: 'low',
    prevention: ['stop-task'],
    reason: `killed by ${TASK}`,
    atMs: 1,
    advice,
  }
  const whole = incident('i1', { taskIds: [TASK], suspectTasks: [TASK], analysis })
  expect(incidentView(whole, true)).toMatchObject({ taskIds: [TASK], suspectTasks: [TASK] })
  const told = incidentView(whole, false)
  expect(JSON.stringify(told)).not.toContain(TASK)
  expect(JSON.stringify(told)).not.toContain('raw')
  expect(told).toMatchObject({ id: 'i1', tasks: 1, analysis: { strategy: 'exclude-task' } })
})
