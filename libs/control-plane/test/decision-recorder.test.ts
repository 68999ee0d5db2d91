import { openOps, type Bus } from '@agentfleet/adapters'
import { decisionSchema, SUBJECTS, type Decision, type DecisionOutcome } from '@agentfleet/protocol'
import { createLogger, manualClock, type ManualClock } from '@agentfleet/runtime'
import { eventually, startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  createDecisionRecorder,
  type DecisionDraft,
  type RecorderDeps,
} from '../src/decision-recorder.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const SERVICE = 'recovery'
const WITHIN_MS = 15_000
const MINUTE_MS = 60_000
let servers: SecuredServers
let bus: Bus
let clock: ManualClock
let decisions: Decision[] = []
let outcomes: DecisionOutcome[] = []

beforeAll(async () => {
  servers = await startSecuredServers({ log, beside: [] })
  bus = await servers.connect(SERVICE)
  servers.bus.subscribe(SUBJECTS.opsDecision(SERVICE), (message) => {
    decisions.push(decisionSchema.parse(JSON.parse(message.text())))
  })
  servers.bus.subscribe(SUBJECTS.opsOutcome(SERVICE), (message) => {
    outcomes.push(JSON.parse(message.text()) as DecisionOutcome)
  })
  expect(await servers.bus.roundTrip(WITHIN_MS)).toBe(true)
}, 300_000)
beforeEach(async () => {
  const manager = await servers.bus.nats.jetstreamManager()
  await manager.streams.purge('OPS')
  decisions = []
  outcomes = []
  clock = manualClock(Date.now())
})
afterAll(() => servers?.[Symbol.asyncDispose]())

const recorder = (change: Partial<RecorderDeps> = {}) =>
  createDecisionRecorder({ service: SERVICE, by: 'one', ops: openOps(bus), clock, log, ...change })

const draft = (reason: string): DecisionDraft => ({
  kind: 'hold',
  reason,
  inputs: { nodes: 2 },
  options: [],
  policy: { kind: 'hold', reason, figures: {} },
  acted: false,
})
const reasons = () => decisions.map(({ reason }) => reason)

test('a decision is stored with the process that made it and with its time', async () => {
  expect(await recorder().record(draft('calm'))).toBe(true)
  await eventually(() => expect(decisions).toHaveLength(1))
  expect(decisions[0]).toMatchObject({ service: SERVICE, by: 'one', atMs: clock.nowMs() })
})

test('rate-limited decisions are recorded in a burst at first and then only at the allowed rate', async () => {
  let lost = 0
  const limits = { burst: 2, oneEveryMs: 10_000 }
  const limited = recorder({ limits, onLost: () => (lost += 1) })
  const record = (reason: string) => limited.record(draft(reason), { limited: true })
  expect([await record('a'), await record('b'), await record('c')]).toEqual([true, true, false])
  expect(lost).toBe(1)
  // An unlimited decision passes in any case.
  expect(await limited.record(draft('changed'))).toBe(true)
  clock.advance(10_000)
  expect([await record('d'), await record('e')]).toEqual([true, false])
  await eventually(() => expect(reasons()).toEqual(['a', 'b', 'changed', 'd']))
})

test('the decisions of a tenant use at most its share of the allowance, and those of another tenant are recorded (L7)', async () => {
  const limited = recorder({ limits: { burst: 8, oneEveryMs: 10_000 } })
  const record = (tenant: string) =>
    limited.record(draft(tenant), { limited: true, payer: { tenant, tenants: 2 } })
  const recorded = async (tenant: string, times: number) => {
    const all: boolean[] = []
    for (let at = 0; at < times; at += 1) all.push(await record(tenant))
    return all.filter(Boolean).length
  }
  expect(await recorded('busy', 50)).toBe(4)
  expect(await recorded('quiet', 50)).toBe(2)
  // The places that were taken first come back first.
  clock.advance(20_000)
  expect(await recorded('busy', 50)).toBe(1)
  expect(await recorded('quiet', 50)).toBe(0)
  // A decision without a tenant may use the rest.
  expect(await limited.record(draft('fleet'), { limited: true })).toBe(true)
})

test('a rate-limited decision that stays the same is recorded again only after five minutes', async () => {
  const limited = recorder()
  const record = () => limited.record(draft('calm'), { limited: true, short: 'calm' })
  expect([await record(), await record()]).toEqual([true, false])
  clock.advance(5 * MINUTE_MS)
  expect(await record()).toBe(true)
})

test('if a decision cannot be stored, the recorder counts the failure and its caller continues', async () => {
  let lost = 0
  const ops = { ...openOps(bus), record: () => Promise.reject(new Error('no stream')) }
  expect(await recorder({ ops, onLost: () => (lost += 1) }).record(draft('calm'))).toBe(false)
  expect(lost).toBe(1)
})

test('the outcomes of a decision are measured after 1, 5 and 15 minutes, even by a process that started later', async () => {
  const first = recorder({ measured: true })
  await first.outcomes.resume()
  await first.record(draft('calm'))
  clock.advance(MINUTE_MS)
  await first.outcomes.measure(() => ({ running: 1 }))
  const second = recorder({ measured: true, by: 'two' })
  clock.advance(4 * MINUTE_MS)
  // It was due before this process began to measure: it is left to the process that has ended.
  await second.outcomes.measure(() => ({ running: 5 }))
  clock.advance(10 * MINUTE_MS)
  await second.outcomes.measure(() => ({ running: 15 }))
  await eventually(() => expect(outcomes).toHaveLength(2))
  expect(outcomes.map(({ afterMinutes }) => afterMinutes)).toEqual([1, 15])
  expect(outcomes.map(({ figures }) => figures['running'])).toEqual([1, 15])
  expect(outcomes.every(({ decisionId }) => decisionId === decisions[0]?.id)).toBe(true)
})

test('the outcome of a decision can be measured by another process, and each outcome is stored once', async () => {
  const one = recorder({ measured: true })
  const two = recorder({ measured: true, by: 'two' })
  await one.outcomes.measure(() => ({}))
  await two.outcomes.measure(() => ({}))
  await one.record(draft('calm'))
  clock.advance(30_000)
  await two.outcomes.measure(() => ({}))
  clock.advance(30_000)
  await two.outcomes.measure(() => ({ by: 'two' }))
  await one.outcomes.measure(() => ({ by: 'one' }))
  // A server that drops a duplicate also answers it: everything is stored by now.
  const manager = await servers.bus.nats.jetstreamManager()
  const { state } = await manager.streams.info('OPS', {
    subjects_filter: SUBJECTS.opsOutcome(SERVICE),
  })
  expect(state.subjects).toEqual({ [SUBJECTS.opsOutcome(SERVICE)]: 1 })
  await eventually(() => expect(outcomes[0]?.figures).toEqual({ by: 'two' }))
})

test('an outcome for which no figures arrive within half a minute is recorded without figures', async () => {
  const measured = recorder({ measured: true })
  await measured.outcomes.resume()
  await measured.record(draft('calm'))
  clock.advance(MINUTE_MS)
  await measured.outcomes.measure(() => undefined)
  clock.advance(30_001)
  await measured.outcomes.measure(() => undefined)
  await eventually(() => expect(outcomes).toHaveLength(1))
  expect(outcomes[0]?.figures).toEqual({ complete: false })
})
