import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAllEnded, judge, submitAll } from '../chaos/support.ts'

/** The autoscaler and the processes of this machine: it adds nodes with demand and drains them afterwards. */
let test: TestFleet
let audit: Audit
beforeAll(async () => {
  test = await startTestFleet({
    workers: 2,
    env: {
      worker: { WORKER_SLOTS: '20' },
      autoscaler: {
        DRIVER: 'local',
        SCALE_MAX: '4',
        SCALE_INTERVAL_MS: '500',
        SCALE_DOWN_WINDOW_MS: '3000',
        SCALE_DOWN_EVERY_MS: '1000',
        SCALE_COOLDOWN_MS: '1000',
      },
    },
  })
  audit = await judge(test)
})
afterAll(async () => {
  await audit.close()
  await test[Symbol.asyncDispose]()
})

const aliveNodes = async (): Promise<number> =>
  (await test.client.fleet()).nodes.filter((node) => node.state === 'alive').length

describe('a demand that grows beyond two nodes and falls again', () => {
  it('makes the fleet grow to its limit and shrink again, and no task is lost', async () => {
    // 160 tasks of 2.5 s on 20 slots a node: two nodes would take 10 s.
    const burst = await submitAll(test.client, 160, { task: 'x', model: 'sim?ttft=2500&tokens=2' })
    await eventually(async () => expect(await aliveNodes()).toBe(4), 40_000)
    const more = await submitAll(test.client, 100, { task: 'x', model: 'sim?ttft=2500&tokens=2' })
    await expectAllEnded(audit, [...burst, ...more])
    await eventually(async () => {
      const { nodes } = await test.client.fleet()
      expect(nodes.filter((node) => node.state === 'alive' && !node.draining)).toHaveLength(2)
      expect(test.fleet.members('worker')).toHaveLength(2)
      // The mean of a minute has to fall first, and a panic lasts as long.
    }, 150_000)
    // Scale-in drained: a node that is removed without a drain is declared dead, which opens an incident.
    // Attempts do not show it: a task that a busy machine starts late begins a second attempt as well.
    expect((await test.client.incidents()).incidents).toEqual([])
  })
})
