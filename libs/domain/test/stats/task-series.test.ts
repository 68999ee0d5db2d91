import { describe, expect, it } from 'vitest'
import {
  addDuration,
  createTaskSeries,
  foldHistory,
  OTHERS,
  quantilesOf,
  SERIES_STEPS,
  type TaskEvent,
  type TaskSeries,
  type TaskSpec,
} from '../../src/index.ts'

const SPEC: TaskSpec = {
  task: 'x',
  agent: 'assistant',
  model: 'm',
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  timeoutMs: 600_000,
  maxAttempts: 3,
}
const START_MS = 1_700_000_040_000
const PLACED = { node: 'n1', reason: 'least-loaded', balancer: 'b1', considered: 1 }
const USAGE = { inputTokens: 10, outputTokens: 5, llmCalls: 1, costUsd: 0.5 }

/** Notes a history as the follower does; each event was stored when it happened. */
function note(series: TaskSeries, events: readonly TaskEvent[], taskId = 't1'): void {
  events.forEach((event, index) => {
    const history = events.slice(0, index + 1).map((each, seq) => ({ event: each, seq: seq + 1 }))
    const before = foldHistory(taskId, history.slice(0, -1))
    series.note(event, event.atMs, before, foldHistory(taskId, history)!)
  })
}

const submitted = (spec: Partial<TaskSpec> = {}, tenant = 'acme', atMs = START_MS): TaskEvent => ({
  type: 'submitted',
  atMs,
  tenant,
  specHash: '',
  spec: { ...SPEC, ...spec },
})
const completed = (atMs: number): TaskEvent => ({
  type: 'completed',
  atMs,
  attempt: 1,
  node: 'n1',
  result: 'r',
  usage: USAGE,
  lastCall: { startedAtMs: atMs - 500, firstTokenMs: 400 },
  placed: { ...PLACED, atMs: START_MS + 100 },
})
const ALL = { tenant: undefined, groupBy: undefined, fromMs: 0, toMs: Infinity } as const

describe('the statistics of tasks over time', () => {
  it('count a task together with its wait, its tokens and the time to its first token', () => {
    const series = createTaskSeries(1e6)
    note(series, [submitted(), completed(START_MS + 1_000)])
    const [all] = series.read({ ...ALL, step: '10s' }).series
    expect(all?.points).toHaveLength(1)
    const [{ atMs, measures } = { atMs: 0, measures: undefined! }] = all!.points
    expect(atMs).toBe(START_MS)
    expect(measures.counts).toMatchObject({ submitted: 1, started: 1, completed: 1, llmCalls: 1 })
    expect(measures.counts).toMatchObject({ inputTokens: 10, outputTokens: 5, nanoUsd: 5e8 })
    expect(quantilesOf(measures.wait)?.p50).toBe(108)
    expect(quantilesOf(measures.firstToken)?.count).toBe(1)
  })

  it('count the usage of a call once, although the end event of its task contains the usage of all calls', () => {
    const series = createTaskSeries(1e6)
    const call = { step: 0, kind: 'llm', name: 'm', output: '', usage: USAGE } as const
    const both = { ...USAGE, inputTokens: 20, outputTokens: 10, llmCalls: 2, costUsd: 1 }
    note(series, [
      submitted(),
      { type: 'call-finished', atMs: START_MS + 1, attempt: 1, call },
      { ...completed(START_MS + 2), usage: both } as TaskEvent,
    ])
    const { counts } = series.read({ ...ALL, step: '1m' }).series[0]!.points[0]!.measures
    expect(counts).toMatchObject({ inputTokens: 20, outputTokens: 10, llmCalls: 2, nanoUsd: 1e9 })
    expect(counts.unpricedCalls).toBe(0)
  })

  it('count a run that fell silent as lost, and a failed attempt as retried', () => {
    const series = createTaskSeries(1e6)
    const error = { code: 'timeout', message: '' }
    const call = { step: 0, kind: 'tool', name: 'm', output: '', usage: USAGE } as const
    note(series, [
      submitted(),
      { type: 'call-finished', atMs: START_MS + 1, attempt: 1, call },
      { type: 'attempt-started', atMs: START_MS + 2, attempt: 2, node: 'n2' },
      { type: 'attempt-failed', atMs: START_MS + 3, attempt: 2, error, retryAtMs: START_MS + 9 },
      { type: 'attempt-started', atMs: START_MS + 9, attempt: 3, node: 'n2' },
      { type: 'failed', atMs: START_MS + 10, attempt: 3, error },
    ])
    const { counts } = series.read({ ...ALL, step: '10s' }).series[0]!.points[0]!.measures
    expect(counts).toMatchObject({ lost: 1, retried: 1, failed: 1, completed: 0 })
  })

  it('add up intervals of ten seconds to minutes and hours, and keep each length of interval for its retention time', () => {
    const series = createTaskSeries(1e6)
    for (let index = 0; index < 720; index += 1) {
      note(series, [submitted({}, 'acme', START_MS + index * 10_000)], `t${index}`)
    }
    const points = (step: '10s' | '1m' | '1h') => series.read({ ...ALL, step }).series[0]!.points
    const sum = (step: '1m' | '1h') =>
      points(step).reduce((all, { measures }) => all + measures.counts.submitted, 0)
    expect(points('10s')).toHaveLength(SERIES_STEPS['10s'].keptMs / 10_000 + 1)
    expect([sum('1m'), sum('1h')]).toEqual([720, 720])
    expect(points('1m').every(({ measures }) => measures.counts.submitted === 6)).toBe(true)
    const { knownFromMs } = series.read({ ...ALL, step: '10s' })
    expect(knownFromMs).toBe(START_MS + 359 * 10_000)
  })

  it('show a tenant only its own tasks, grouped by agent, with the busiest agent first', () => {
    const series = createTaskSeries(1e6)
    note(series, [submitted({ agent: 'a' })], 't1')
    note(series, [submitted({ agent: 'b' })], 't2')
    note(series, [submitted({ agent: 'b' })], 't3')
    note(series, [submitted({ agent: 'c' }, 'other')], 't4')
    const own = series.read({ ...ALL, tenant: 'acme', groupBy: 'agent', step: '10s' })
    expect(own.series.map(({ key }) => key)).toEqual(['b', 'a'])
    const fleet = series.read({ ...ALL, groupBy: 'agent', step: '10s' })
    expect(new Set(fleet.series.map(({ key }) => key))).toEqual(new Set(['a', 'b', 'c']))
  })

  it('take a bounded number of bytes, no matter how many tenants, agents and models there are (L7)', () => {
    const bytesMax = 5e6
    const series = createTaskSeries(bytesMax)
    for (let index = 0; index < 30_000; index += 1) {
      const atMs = START_MS + Math.floor(index / 3_000) * 10_000
      note(series, [submitted({ agent: `agent-${index}` }, `t${index % 2_500}`, atMs)], `t${index}`)
    }
    expect(series.bytes()).toBeLessThanOrEqual(bytesMax)
    expect(series.bytes()).toBeGreaterThan(bytesMax / 2)
    const { series: groups, knownFromMs } = series.read({ ...ALL, groupBy: 'agent', step: '1h' })
    expect(groups).toHaveLength(20)
    expect(groups.at(-1)?.key).toBe(OTHERS)
    const total = groups.flatMap(({ points }) => points)
    expect(total.reduce((sum, { measures }) => sum + measures.counts.submitted, 0)).toBe(30_000)
    expect(knownFromMs).toBe(START_MS)
  })

  it('name every agent of a quiet tenant in each step, no matter how many agents and models a busy tenant invents, and how often (L7)', () => {
    const bytesMax = 2e6
    const series = createTaskSeries(bytesMax, () => 2)
    const steps = 12
    for (let step = 0; step < steps; step += 1) {
      const atMs = START_MS + step * 10_000
      for (let index = 0; index < 2_000; index += 1) {
        const agent = `agent-${step}-${index}`
        note(series, [submitted({ agent, model: `m-${index}` }, 'busy', atMs)], agent)
      }
      for (const agent of ['a', 'b', 'c']) {
        note(series, [submitted({ agent }, 'quiet', atMs)], `${agent}-${step}`)
      }
    }
    note(series, [submitted({}, 'third', START_MS + steps * 10_000)], 'last')
    expect(series.bytes()).toBeLessThanOrEqual(bytesMax)
    const all = { ...ALL, groupBy: 'agent', step: '10s' } as const
    const quiet = series.read({ ...all, tenant: 'quiet' }).series
    expect(quiet.map(({ key, points }) => [key, points.length])).toEqual([
      ['a', steps],
      ['b', steps],
      ['c', steps],
    ])
    // The busy tenant still has its sums, and its newest agents.
    const busy = series.read({ ...all, tenant: 'busy', groupBy: undefined }).series[0]?.points
    expect(busy?.map(({ measures }) => measures.counts.submitted)).toEqual(Array(steps).fill(2_000))
    const fromMs = START_MS + (steps - 1) * 10_000
    const newest = series.read({ ...all, tenant: 'busy', fromMs }).series
    expect(newest).toHaveLength(20)
  })

  it('keep the steps and the agents of a quiet tenant, no matter how many tenants invent agents and models at the same time (L7)', () => {
    const bytesMax = 2e6
    const crowd = 40
    const series = createTaskSeries(bytesMax, () => crowd + 1)
    const steps = 12
    for (let step = 0; step < steps; step += 1) {
      const atMs = START_MS + step * 10_000
      for (const agent of ['a', 'b', 'c']) {
        note(series, [submitted({ agent }, 'quiet', atMs)], `${agent}-${step}`)
      }
      for (let index = 0; index < 1_200; index += 1) {
        const agent = `agent-${step}-${index}`
        note(series, [submitted({ agent }, `busy-${index % crowd}`, atMs)], agent)
      }
    }
    note(series, [submitted({}, 'third', START_MS + steps * 10_000)], 'last')
    expect(series.bytes()).toBeLessThanOrEqual(bytesMax)
    expect(series.read({ ...ALL, step: '10s' }).knownFromMs).toBe(START_MS)
    const quiet = series.read({ ...ALL, groupBy: 'agent', step: '10s', tenant: 'quiet' }).series
    expect(quiet.map(({ key, points }) => [key, points.length])).toEqual([
      ['a', steps],
      ['b', steps],
      ['c', steps],
    ])
  })
})

it('the quantiles of durations differ from the exact values by at most 10 %', () => {
  const durations = new Map<number, number>()
  for (let ms = 1; ms <= 10_000; ms += 1) addDuration(durations, ms)
  const { p50, p99 } = quantilesOf(durations)!
  expect(Math.abs(p50 / 5_000 - 1)).toBeLessThan(0.1)
  expect(Math.abs(p99 / 9_900 - 1)).toBeLessThan(0.1)
})
