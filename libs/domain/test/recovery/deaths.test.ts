import { describe, expect, test } from 'vitest'
import {
  DEATH_WINDOW_MS,
  decideQuarantine,
  fateOf,
  decideOutcome,
  losesItsNodes,
  patternOf,
  QUARANTINE_MS,
  rememberDeath,
  suspectTasks,
  type PastDeath,
  type OutcomeView,
} from '../../src/index.ts'

const death = (nodeId: string, atMs: number, change: Partial<PastDeath> = {}): PastDeath => ({
  nodeId,
  incarnation: atMs,
  atMs,
  taskIds: [],
  ...change,
})
const fold = (deaths: readonly PastDeath[], nowMs: number) =>
  deaths.reduce<readonly PastDeath[]>((known, one) => rememberDeath(known, one, nowMs), [])

describe('the record of deaths', () => {
  test('counts a death once, even if the same death is written several times', () => {
    const deaths = fold([death('a', 1), death('a', 1), death('a', 2)], 10)
    expect(deaths).toHaveLength(2)
  })

  test('keeps the longer of two lists of tasks when the same death is noted twice', () => {
    const deaths = fold(
      [death('a', 1, { taskIds: ['x', 'y'] }), death('a', 1, { taskIds: ['x'], host: 'h' })],
      10,
    )
    expect(deaths).toEqual([death('a', 1, { taskIds: ['x', 'y'], host: 'h' })])
  })

  test('forgets deaths that are older than the time window, and has a bounded size', () => {
    expect(fold([death('a', 0), death('b', 1)], DEATH_WINDOW_MS)).toEqual([death('b', 1)])
    const many = Array.from({ length: 500 }, (_, i) => death(`n${i}`, i))
    expect(fold(many, 500)).toHaveLength(200)
  })

  test('counts the deaths of one node, of one machine, of the fleet and of young processes separately', () => {
    const deaths = fold(
      [
        death('a', 1, { host: 'h', uptimeMs: 5_000 }),
        death('a', 2, { host: 'h', uptimeMs: 500_000 }),
        death('b', 3, { host: 'h' }),
        death('c', 4),
      ],
      10,
    )
    expect(patternOf(deaths, { nodeId: 'a', host: 'h' }, 10)).toEqual({
      ofNode: 2,
      ofHost: 3,
      ofFleet: 4,
      young: 1,
    })
    expect(patternOf(deaths, { nodeId: 'c' }, 10).ofHost).toBe(0)
  })

  test('lists a task as a suspect that was running during three deaths of nodes', () => {
    const deaths = [
      death('a', 1, { taskIds: ['poison', 'x'] }),
      death('b', 2, { taskIds: ['poison', 'x'] }),
      death('c', 3, { taskIds: ['poison', 'poison', 'y'] }),
    ]
    expect(suspectTasks(deaths, 10)).toEqual(['poison'])
    expect(suspectTasks(deaths, DEATH_WINDOW_MS + 2)).toEqual([])
  })

  test('lists a task as a suspect if the log contains enough lost attempts of the task', () => {
    expect(losesItsNodes({ attempt: 3, failures: 0, pauses: 0 })).toBe(true)
    expect(losesItsNodes({ attempt: 4, failures: 2, pauses: 0 })).toBe(false)
  })
})

describe('the quarantine of a node', () => {
  const situation = { deathsOfNode: 3, othersAlive: 5, quarantined: 0 }
  test.each([
    [{}, 'quarantine', 'flapping'],
    [{ deathsOfNode: 2 }, 'none', 'steady'],
    [{ othersAlive: 0 }, 'none', 'last-node'],
    [{ quarantined: 2 }, 'none', 'too-many-quarantined'],
    [{ othersAlive: 1 }, 'quarantine', 'flapping'],
  ])('in the situation %j leads to "%s" for the reason "%s"', (change, kind, reason) => {
    expect(decideQuarantine({ ...situation, ...change }, 1_000)).toMatchObject({ kind, reason })
  })

  test('lasts exactly five minutes', () => {
    expect(decideQuarantine(situation, 1_000)).toMatchObject({ untilMs: 1_000 + QUARANTINE_MS })
  })
})

describe('the fate of a task on a dead node', () => {
  const at = { nodeId: 'dead', redistributedAtMs: 100 }
  const record = { state: 'running', node: 'dead', updatedAtMs: 50 } as const
  test.each([
    [record, undefined, 'waiting'],
    [record, 'dead', 'waiting'],
    [record, 'other', 'taken-up'],
    [undefined, 'other', 'taken-up'],
    [undefined, undefined, 'waiting'],
    [{ ...record, state: 'queued' as const, updatedAtMs: 200 }, undefined, 'waiting'],
    [{ ...record, node: 'other' }, undefined, 'taken-up'],
    [{ ...record, updatedAtMs: 200 }, undefined, 'taken-up'],
    [{ ...record, state: 'completed' as const }, 'dead', 'finished'],
    [
      { ...record, state: 'failed' as const, error: { code: 'attempts-lost', message: '' } },
      undefined,
      'stopped',
    ],
  ])('with the record %j and an in-flight note for the node %s is "%s"', (known, noted, fate) => {
    expect(fateOf(known, noted, at)).toBe(fate)
  })
})

describe('the outcome of an incident', () => {
  const view: OutcomeView = {
    successor: 'none',
    action: 'replace',
    actionFailed: false,
    notesReadable: true,
    tasks: 5,
    settled: 5,
    stopped: 0,
    nodesBefore: 4,
    nodesNow: 4,
    last: false,
  }
  test.each<[Partial<OutcomeView>, string, string]>([
    [{}, 'recovered', 'tasks-go-on'],
    [{ settled: 4 }, 'wait', 'tasks-waiting'],
    [{ settled: 4, last: true }, 'unresolved', 'tasks-waiting'],
    [{ nodesNow: 3 }, 'wait', 'node-missing'],
    [{ nodesNow: 3, last: true }, 'unresolved', 'node-missing'],
    [{ nodesNow: 3, actionFailed: true, last: true }, 'unresolved', 'action-failed'],
    [{ nodesNow: 3, successor: 'restarted' }, 'recovered', 'tasks-go-on'],
    [{ nodesNow: 3, action: 'none' }, 'recovered', 'tasks-go-on'],
    [{ stopped: 1 }, 'recovered', 'task-stopped-as-cause'],
    [{ tasks: 0, settled: 0 }, 'recovered', 'node-back'],
    [{ tasks: 0, settled: 0, action: 'none' }, 'recovered', 'nothing-to-recover'],
    [{ successor: 'resumed', action: 'none' }, 'resumed', 'same-process-goes-on'],
    [{ successor: 'resumed', action: 'investigate' }, 'resumed', 'same-process-goes-on'],
    [{ notesReadable: false, last: true }, 'unresolved', 'tasks-unknown'],
    [{ action: 'quarantine', successor: 'resumed', nodesNow: 3 }, 'wait', 'node-missing'],
  ])('with the state %j is "%s" for the reason "%s"', (change, kind, reason) => {
    expect(decideOutcome({ ...view, ...change })).toEqual({ kind, reason })
  })
})
