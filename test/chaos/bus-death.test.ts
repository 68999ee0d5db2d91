import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAllEnded, judge, startLoad } from './support.ts'

/** nats-server dies again and again while attempts stall and crash. */
let test: TestFleet
let audit: Audit
beforeAll(async () => {
  test = await startTestFleet({
    workers: 2,
    env: { simulator: { SIMULATOR_FAULT_CUT: '0.03', SIMULATOR_FAULT_500: '0.03' } },
  })
  audit = await judge(test)
})
afterAll(async () => {
  await audit.close()
  await test[Symbol.asyncDispose]()
})

const TASKS = Number(process.env['BUS_DEATH_TASKS'] ?? 1_000)
const KILL_EVERY_MS = 2_000

describe('kill -9 of nats-server every two seconds', () => {
  it('loses no accepted task and ends none twice (L1, L2)', async () => {
    const load = startLoad(test.client, 40, { task: 'work', model: 'sim?ttft=300&tokens=5' })
    let kills = 0
    while (load.accepted.length < TASKS) {
      const dueMs = performance.now() + KILL_EVERY_MS
      await eventually(() => {
        expect(performance.now() > dueMs || load.accepted.length >= TASKS).toBe(true)
      }, 2 * KILL_EVERY_MS)
      test.fleet.nats.kill('SIGKILL')
      await test.fleet.nats.restart()
      kills += 1
    }
    await load.stop()
    console.log(`${kills} kills, ${load.accepted.length} accepted, ${load.failures()} tries again`)
    expect(kills).toBeGreaterThanOrEqual(2)
    await expectAllEnded(audit, load.accepted)
  })
})
