import type { Member } from '@agentfleet/local'
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
/** Set to 15 for the full length. */
const KILLS = Number(process.env['BUS_DEATH_KILLS'] ?? 4)
const KILL_EVERY_MS = 2_000

describe('kill -9 of nats-server every two seconds', () => {
  it('does not lose an accepted task and does not end a task twice (L1, L2)', async () => {
    const load = startLoad(test.client, 12, { task: 'work', model: 'sim?ttft=300&tokens=5' })
    let kills = 0
    let frozen: Member | undefined
    while (load.accepted.length < TASKS || kills < KILLS) {
      const dueMs = performance.now() + KILL_EVERY_MS
      await eventually(() => {
        expect(performance.now()).toBeGreaterThan(dueMs)
      }, 2 * KILL_EVERY_MS)
      frozen?.kill('SIGCONT')
      frozen = undefined
      const [worker] = test.fleet.members('worker')
      // Meanwhile attempts stall and crash: nodes in turn are frozen, killed or spared.
      if (kills % 3 === 0) {
        frozen = worker
        worker?.kill('SIGSTOP')
      } else if (kills % 3 === 1) {
        worker?.kill('SIGKILL')
      }
      test.fleet.nats.kill('SIGKILL')
      await test.fleet.nats.restart()
      kills += 1
    }
    frozen?.kill('SIGCONT')
    await load.stop()
    console.log(`${kills} kills, ${load.accepted.length} accepted, ${load.failures()} tries again`)
    expect(kills).toBeGreaterThanOrEqual(KILLS)
    await expectAllEnded(audit, load.accepted)
  })
})
