import { CHANNELS, filledIn, reportSchema, type Outcome } from '@agentfleet/protocol'
import { TIMING } from '@agentfleet/domain'
import { createLogger, createRegistry, systemClock } from '@agentfleet/runtime'
import { startSecuredServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createMetrics } from '../../src/metrics.ts'
import { createReporter } from '../../src/node/reports.ts'

const log = createLogger({ service: 'worker', id: 'test', level: 'silent' })
const report = { op: 'own', claim: 'c', expect: 1, attempt: 1 } as const

test('the node sends a report again if it cannot read the outcome of the report, and does not repeat the reports whose outcomes it can read (L4)', async () => {
  await using servers = await startSecuredServers({ log })
  const bus = await servers.connect('worker')
  const coordinator = await servers.connect('coordinator')
  const asked: string[][] = []
  coordinator.subscribe(filledIn(CHANNELS.report.subject), (message) => {
    const { items } = reportSchema.parse(JSON.parse(message.text()))
    asked.push(items.map((item) => item?.reportId ?? ''))
    const strange = { kind: 'of a later release' }
    const stored: Outcome = { kind: 'committed', seq: asked.length }
    const outcomes = items.map((item) =>
      item?.taskId === 'strange' && asked.length === 1 ? strange : stored,
    )
    message.respond(JSON.stringify({ outcomes }))
  })
  await coordinator.roundTrip(5_000)
  const figure = (): number => 0
  const figures = { running: figure, lagMs: figure, waiting: figure, providers: () => [] }
  const reporter = createReporter({
    bus,
    log,
    clock: systemClock,
    random: () => 0,
    metrics: createMetrics(createRegistry('worker'), figures),
    nodeId: 'n1',
    startedAtMs: 1,
    slots: 2,
    timing: TIMING,
  })
  const run = { over: undefined, deadlineAtMs: Date.now() + 60_000 }
  const outcomes = await Promise.all([
    reporter.report({ ...report, taskId: 'strange', reportId: 'r1' }, run),
    reporter.report({ ...report, taskId: 'usual', reportId: 'r2' }, run),
  ])
  expect(asked).toEqual([['r1', 'r2'], ['r1']])
  expect(outcomes).toEqual([
    { kind: 'committed', seq: 2 },
    { kind: 'committed', seq: 1 },
  ])
})
