import { createSimulator, type Simulator } from '@agentfleet/llm-simulator'
import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAllEnded, judge, submitAll } from '../chaos/support.ts'

/**
 * One provider's limits over three nodes. The simulator enforces them by its own clock, with two seconds'
 * worth of burst (the fleet uses half a second's, the rest is for a busy machine);
 * `test/tools/dist/limits.js` measures the same at full size.
 */
const RPM = 1_200
const TPM = 120_000
/** Tolerated refusals, as a share of the calls. */
const REFUSED_SHARE_MAX = 0.005
let simulator: Simulator
let test: TestFleet
let audit: Audit

beforeAll(async () => {
  simulator = createSimulator({
    ttftMs: 500,
    tokensPerSecond: 0,
    tokensMin: 20,
    tokensMax: 60,
    anyModel: 1,
    requestsPerMinute: RPM,
    tokensPerMinute: TPM,
    limitBurstMs: 2_000,
  })
  const { url } = await simulator.listen()
  const provider = { name: 'one', baseUrl: `${url}/v1`, limits: { rpm: RPM, tpm: TPM } }
  test = await startTestFleet({
    workers: 3,
    env: { worker: { PROVIDERS: JSON.stringify({ providers: [provider] }) } },
  })
  audit = await judge(test)
})
afterAll(async () => {
  await audit.close()
  await test[Symbol.asyncDispose]()
  await simulator.close()
})

describe('the rate limits of a provider key', () => {
  it('are used by all nodes together to more than 90 %, and the provider refuses almost no call', async () => {
    const accepted = await submitAll(test.client, 600, { task: 'x', model: 'sim' })
    await eventually(() => expect(simulator.stats().started).toBeGreaterThan(60), 30_000)
    // Over 25 s: what a second without processor time costs is lost, because the limits save up half a second.
    const from = { started: simulator.stats().started, atMs: performance.now() }
    await eventually(() => expect(simulator.stats().started).toBeGreaterThan(560), 60_000)
    const perMinute =
      ((simulator.stats().started - from.started) * 60_000) / (performance.now() - from.atMs)
    await eventually(async () => {
      const { providers } = await test.client.fleet({ history: false })
      expect(providers[0]?.keyLimits).toMatchObject({
        requestsPerMinute: RPM,
        requestsLeft: expect.any(Number),
        tokensPerMinute: TPM,
        tokensLeft: expect.any(Number),
        waiting: expect.any(Number),
      })
    }, 30_000)
    await expectAllEnded(audit, accepted)
    const { refusals, started } = simulator.stats()
    expect(refusals.limited).toBeLessThanOrEqual(started * REFUSED_SHARE_MAX)
    expect(perMinute).toBeGreaterThan(0.9 * RPM)
    const events = [...audit.histories.values()].flat()
    expect(events.filter(({ type }) => type === 'attempt-failed')).toEqual([])
  })

  it('are kept while Redis is frozen, and used to the full again afterwards', async () => {
    const before = audit.histories.size
    const { pid } = test.fleet.redis
    const accepted = await submitAll(test.client, 200, { task: 'y', model: 'sim' })
    const startedBefore = simulator.stats().started
    process.kill(pid, 'SIGSTOP')
    try {
      // Each node continues with its share.
      await eventually(
        () => expect(simulator.stats().started).toBeGreaterThan(startedBefore + 30),
        30_000,
      )
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await audit.untilEnded(before + accepted.length, 60_000)
    const { refusals, started } = simulator.stats()
    expect(refusals.limited).toBeLessThanOrEqual(started * REFUSED_SHARE_MAX)
  })
})
