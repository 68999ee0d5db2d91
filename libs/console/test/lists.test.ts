import { expect, test } from 'vitest'
import type { IncidentView, NodeView, TaskSeries } from '@agentfleet/protocol'
import { byId, cellAt, gridOf, movedBy } from '../page/fleet/layout.ts'
import { stepOf } from '../page/fleet/load-step.ts'
import { nodeColumns, rowsOf, withNodes } from '../page/fleet/nodes.ts'
import { layersOf } from '../page/goals/dag.ts'
import { stagesOf } from '../page/incidents/stages.ts'
import { lookOf, nodesByState } from '../page/now/health.ts'
import { pointsOf, sumOf } from '../page/now/series.ts'
import { figuresText } from '../page/parts/figures-text.ts'
import { lineOf, ratesOf } from '../page/parts/line.ts'

test('the first view of the page gives each status of the fleet its look, and counts a living node that drains as draining', () => {
  const statuses = ['ok', 'degraded', 'no-available-nodes', 'unknown'] as const
  expect(statuses.map(lookOf)).toEqual(['good', 'watch', 'bad', 'bad'])
  const alive = { state: 'alive', draining: false }
  const draining = { state: 'alive', draining: true }
  expect(nodesByState(nodeColumns([alive, alive, draining] as NodeView[]))).toEqual({
    alive: 2,
    draining: 1,
  })
})

test('a chart of the page interrupts its line where measurements are missing', () => {
  const points = [0, 60_000, 600_000].map((atMs, index) => ({ atMs, value: index }))
  expect(lineOf(points, 100, 10)).toEqual({ path: 'M0.0 10.0L10.0 5.0M100.0 0.0', max: 2 })
  expect(lineOf([], 100, 10)).toEqual({ path: '', max: 0 })
})

test('a chart of a rate has no point at the moment at which its counter restarted', () => {
  const points = [10, 30, 5, 15].map((value, index) => ({ atMs: index * 10_000, value }))
  expect(ratesOf(points).map(({ value }) => value)).toEqual([2, 1])
})

test('the page shows the load of a node as one of five levels', () => {
  const table = [
    [0, 8, 1],
    [1, 8, 2],
    [4, 8, 3],
    [7, 8, 4],
    [8, 8, 5],
    [3, 0, 5],
  ] as const
  const idle = { active: 0, slots: 8, cpu: 0, memory: 0, lagMs: 0, completed: 0, failed: 0 }
  const one = (change: Partial<NodeView>) => nodeColumns([{ ...idle, ...change } as NodeView])
  for (const [active, slots, step] of table)
    expect([active, stepOf(one({ active, slots }), 0, 'load')]).toEqual([active, step])
  expect(stepOf(one({ cpu: 0.5 }), 0, 'cpu')).toBe(3)
  expect(stepOf(one({ memory: 1 }), 0, 'memory')).toBe(5)
  expect(stepOf(one({ lagMs: 90 }), 0, 'loop delay')).toBe(3)
  expect(stepOf(one({ failed: 1, completed: 3 }), 0, 'failures')).toBe(2)
})

test('the grid of nodes keeps the order of the ids, and the keyboard cursor stays in the grid', () => {
  expect(byId([{ id: 'b' }, { id: 'a' }]).map(({ id }) => id)).toEqual(['a', 'b'])
  const grid = gridOf(10_000, 1_000)
  expect(grid).toEqual({ columns: 100, rows: 100, cell: 8, pitch: 10 })
  expect(gridOf(3, 1_000)).toMatchObject({ columns: 3, rows: 1, cell: 24 })
  expect([cellAt(grid, 15, 21), cellAt(grid, 19, 21), cellAt(grid, 1_500, 1)]).toEqual([
    201,
    undefined,
    undefined,
  ])
  const moves = [
    ['ArrowRight', 0, 1],
    ['ArrowLeft', 0, 0],
    ['ArrowDown', 5, 105],
    ['ArrowDown', 9_950, 9_950],
    ['End', 3, 9_999],
    ['Home', 42, 0],
    ['a', 3, undefined],
  ] as const
  for (const [key, at, next] of moves) expect(movedBy(key, at, grid, 10_000)).toBe(next)
})

test('the page shows the stages that an incident has reached in the order of their times', () => {
  const incident: IncidentView = {
    id: 'i',
    nodeId: 'n1',
    incarnation: 1,
    reason: 'no heartbeat',
    state: 'open',
    by: 'recovery-1',
    silentMs: 900,
    detectedAtMs: 10_000,
    openedAtMs: 10_050,
    redistributedAtMs: 10_200,
    tasks: 5,
    redistributed: 4,
  }
  expect(stagesOf(incident).map(({ name, atMs, detail }) => [name, atMs, detail])).toEqual([
    ['Last heartbeat', 9_100, ''],
    ['Detected', 10_000, 'no heartbeat'],
    ['Opened', 10_050, 'by recovery-1'],
    ['Tasks given back', 10_200, '4 of 5'],
  ])
})

test('the figures of a decision are written with at most four decimal places', () => {
  expect(figuresText({ slots: 4, cpu: 0.123_456, driver: 'local', ok: true })).toBe(
    'slots 4, cpu 0.1235, driver local, ok true',
  )
})

test('a chart has the value 0 where no event happened, and has no duration where none was measured', () => {
  const at = (minute: number) => new Date(minute * 60_000).toISOString()
  const none = { started: 0, completed: 0, failed: 0, cancelled: 0, retried: 0, lost: 0 }
  const calls = { llmCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0.5, unpricedCalls: 0 }
  const waitMs = { count: 1, p50: 3, p99: 9 }
  const series: TaskSeries = {
    scope: 'tenant',
    step: '1m',
    from: at(0),
    to: at(5),
    knownFrom: at(1),
    series: [{ points: [{ at: at(2), submitted: 5, ...none, ...calls, waitMs }] }],
  }
  const values = (points: readonly { value: number }[]) => points.map(({ value }) => value)
  expect(values(pointsOf(series, ({ submitted }) => submitted, 0))).toEqual([0, 5, 0, 0])
  expect(values(pointsOf(series, ({ waitMs }) => waitMs?.p99, undefined))).toEqual([9])
  expect(sumOf(series, ({ costUsd }) => costUsd)).toBe(0.5)
})

test('the drawing of a plan shows each step one layer after the last step that it depends on', () => {
  const steps = [
    { id: 'a', dependsOn: [] },
    { id: 'b', dependsOn: ['a'] },
    { id: 'c', dependsOn: ['a', 'b', 'unknown'] },
    { id: 'd', dependsOn: [] },
    { id: 'e', dependsOn: ['e'] },
  ]
  const shown = layersOf(steps).map(({ step, layer, row }) => `${step.id} ${layer} ${row}`)
  expect(shown).toEqual(['a 0 0', 'b 1 0', 'c 2 0', 'd 0 1', 'e 0 2'])
})

test('a node that changes keeps its position in the list, and a new node is inserted in the order of the ids', () => {
  const node = (id: string, active = 0) => ({ id, active }) as NodeView
  const before = nodeColumns([node('a'), node('c'), node('d')])
  const shown = (frame: Parameters<typeof withNodes>[1]) =>
    rowsOf(withNodes(before, frame))
      .slice(0, 9)
      .map(({ id, active }) => `${id}${active}`)
  expect(shown({ all: false, nodes: [node('c', 5)], gone: [] })).toEqual(['a0', 'c5', 'd0'])
  expect(shown({ all: false, nodes: [node('b', 1)], gone: ['d'] })).toEqual(['a0', 'b1', 'c0'])
  expect(shown({ all: true, nodes: [node('z'), node('y')], gone: [] })).toEqual(['y0', 'z0'])
})
