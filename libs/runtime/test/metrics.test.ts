import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createRegistry, metricsOf } from '../src/index.ts'

function setup() {
  const registry = new Registry()
  return { registry, metrics: metricsOf(registry) }
}

test('the names of metrics begin with the prefix, with and without labels', async () => {
  const { registry, metrics } = setup()
  const tasks = metrics.counter('tasks_total', 'the number of tasks', ['kind'])
  tasks.inc({ kind: 'new' })
  tasks.inc({ kind: 'new' }, 2)
  const heartbeats = metrics.counter('heartbeats_total', 'the number of heartbeats')
  heartbeats.inc()
  heartbeats.inc(4)
  metrics.gauge('credits', 'the number of credits', ['node']).set({ node: 'a' }, 7)
  metrics.gaugeOf('queued', 'the number of queued tasks', () => 3)
  metrics.histogram('wait_seconds', 'the time of a wait', [], [1, 2]).observe(1.5)
  const text = await registry.metrics()
  expect(text).toContain('fleet_tasks_total{kind="new"} 3')
  expect(text).toContain('fleet_heartbeats_total 5')
  expect(text).toContain('fleet_credits{node="a"} 7')
  expect(text).toContain('fleet_queued 3')
  expect(text).toContain('fleet_wait_seconds_bucket{le="2"} 1')
})

test('the number of label sets of a metric is bounded, and further label sets are counted as `other`', async () => {
  const { registry, metrics } = setup()
  const errors = metrics.counter('errors_total', 'the number of errors', ['text'])
  for (let i = 0; i < 10_000; i += 1) errors.inc({ text: `e${i}` })
  const series = (await registry.metrics()).split('\n').filter((line) => line.includes('{'))
  expect(series).toHaveLength(257)
  expect(series.at(-1)).toBe('fleet_errors_total{text="other"} 9744')
})

test('a gauge that was reset forgets its label sets', async () => {
  const { registry, metrics } = setup()
  const load = metrics.gauge('load', 'the load', ['node'])
  load.set({ node: 'gone' }, 1)
  load.reset()
  load.set({ node: 'here' }, 2)
  const text = await registry.metrics()
  expect(text).not.toContain('gone')
  expect(text).toContain('fleet_load{node="here"} 2')
})

test('the registry of a process has its default metrics, labelled with the service', async () => {
  const text = await createRegistry('worker').metrics()
  expect(text).toMatch(/process_cpu_user_seconds_total\{service="worker"\}/)
})

test('a counter whose values are read at each scrape shows the values that its function returns', async () => {
  const registry = createRegistry('test')
  let count = 3
  metricsOf(registry).gaugesOf('read_now', 'the number of reads', ['kind'], () => [
    { labels: { kind: 'a' }, value: count },
  ])
  expect(await registry.metrics()).toMatch(/^fleet_read_now\{kind="a",service="test"\} 3$/m)
  metricsOf(registry).counterOf('read_total', 'the number of reads', ['kind'], () => [
    { labels: { kind: 'a' }, count },
  ])
  expect(await registry.metrics()).toMatch(/^fleet_read_total\{kind="a",service="test"\} 3$/m)
  count = 5
  expect(await registry.metrics()).toMatch(/^fleet_read_total\{kind="a",service="test"\} 5$/m)
})
