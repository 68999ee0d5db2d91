import { createFleetClock, type BusMessage } from '@agentfleet/adapters'
import { CHANNELS, filledIn, reportSchema, type Outcome } from '@agentfleet/protocol'
import { TIMING } from '@agentfleet/domain'
import { createLogger, createRegistry, systemClock, type Clock } from '@agentfleet/runtime'
import { eventually, startSecuredServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createMetrics } from '../../src/metrics.ts'
import { createReporter } from '../../src/node/reports.ts'

const log = createLogger({ service: 'worker', id: 'test', level: 'silent' })
const report = { op: 'own', claim: 'c', expect: 1, attempt: 1 } as const
const run = () => ({ over: undefined, deadlineAtMs: Date.now() + 60_000 })

/** A reporter on real servers; `answer` plays the coordinator. */
async function setup(answer: (message: BusMessage) => void, clock: Clock = systemClock) {
  const servers = await startSecuredServers({ log })
  const bus = await servers.connect('worker')
  const coordinator = await servers.connect('coordinator')
  coordinator.subscribe(filledIn(CHANNELS.report.subject), answer)
  await coordinator.roundTrip(5_000)
  const figure = (): number => 0
  const none = () => []
  const read = { providers: none, requests: none }
  const figures = { running: figure, lagMs: figure, waiting: figure, ...read }
  const reporter = createReporter({
    bus,
    log,
    clock: createFleetClock(clock),
    random: () => 0,
    metrics: createMetrics(createRegistry('worker'), figures),
    nodeId: 'n1',
    startedAtMs: 1,
    slots: 200,
    timing: TIMING,
  })
  return { reporter, [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose]() }
}

test('the node sends a report again if it cannot read the outcome of the report, and does not repeat the reports whose outcomes it can read (L4)', async () => {
  const asked: string[][] = []
  await using bench = await setup((message) => {
    const { items } = reportSchema.parse(JSON.parse(message.text()))
    asked.push(items.map((item) => item?.reportId ?? ''))
    const strange = { kind: 'of a later release' }
    const stored: Outcome = { kind: 'committed', seq: asked.length }
    const outcomes = items.map((item) =>
      item?.taskId === 'strange' && asked.length === 1 ? strange : stored,
    )
    message.respond(JSON.stringify({ outcomes }))
  })
  const { reporter } = bench
  const outcomes = await Promise.all([
    reporter.report({ ...report, taskId: 'strange', reportId: 'r1' }, run()),
    reporter.report({ ...report, taskId: 'usual', reportId: 'r2' }, run()),
  ])
  expect(asked).toEqual([['r1', 'r2'], ['r1']])
  expect(outcomes).toEqual([
    { kind: 'committed', seq: 2 },
    { kind: 'committed', seq: 1 },
  ])
})

test('a small report waits neither for starts whose histories are read nor for large results (L7)', async () => {
  const held: BusMessage[] = []
  const answer = (message: BusMessage): void => {
    const { items } = reportSchema.parse(JSON.parse(message.text()))
    message.respond(JSON.stringify({ outcomes: items.map(() => ({ kind: 'committed', seq: 2 })) }))
  }
  await using bench = await setup((message) => {
    const { items } = reportSchema.parse(JSON.parse(message.text()))
    if (items.some((item) => item?.op === 'own')) answer(message)
    else held.push(message)
  })
  const { reporter } = bench
  const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
  const large = { ...report, op: 'complete', result: 'x'.repeat(400_000), usage } as const
  const slow = Array.from({ length: 100 }, (_, at) => [
    reporter.report({ ...large, taskId: `l${at}`, reportId: `l${at}` }, run()),
    reporter.report({ op: 'begin', claim: 'c', taskId: `b${at}`, reportId: `b${at}` }, run()),
  ]).flat()
  const quick = await reporter.report({ ...report, taskId: 'small', reportId: 's' }, run())
  expect(quick).toEqual({ kind: 'committed', seq: 2 })
  let ended = false
  const all = Promise.all(slow).finally(() => (ended = true))
  await eventually(() => {
    for (const message of held.splice(0)) answer(message)
    expect(ended).toBe(true)
  }, 60_000)
  expect(await all).toHaveLength(200)
})
