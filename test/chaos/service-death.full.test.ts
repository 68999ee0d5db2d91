import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAllEnded, judge, startLoad } from './support.ts'

/** Every service except the workers, killed one at a time while tasks arrive and run. */
let test: TestFleet
let audit: Audit
beforeAll(async () => {
  test = await startTestFleet({ workers: 2 })
  audit = await judge(test)
})
afterAll(async () => {
  await audit.close()
  await test[Symbol.asyncDispose]()
})

const SERVICES = [
  'coordinator',
  'load-balancer',
  'health-monitor',
  'recovery',
  'autoscaler',
  'gateway',
] as const

describe('kill -9 under load', () => {
  it('on each service in turn does not lose an accepted task, and submissions continue', async () => {
    const load = startLoad(test.client, 20, { task: 'work', model: 'sim?ttft=100&tokens=5' })
    for (const service of SERVICES) {
      const [member] = test.fleet.members(service)
      const before = load.accepted.length
      const failuresBefore = load.failures()
      const pid = member!.pid()
      member!.kill('SIGKILL')
      await eventually(() => expect(member!.pid()).not.toBe(pid))
      await member!.ready(30_000)
      await eventually(() => expect(load.accepted.length).toBeGreaterThan(before + 100), 30_000)
      // Only the gateway's own callers may notice that it was gone.
      if (service !== 'gateway') expect(load.failures(), service).toBe(failuresBefore)
    }
    await load.stop()
    await expectAllEnded(audit, load.accepted)
  })

  it('on the gateway and on nats-server does not lose the definition of an agent', async () => {
    const { client, fleet } = test
    const { version } = await client.putAgent('lasting', { model: 'echo', role: 'lasting one' })
    fleet.nats.kill('SIGKILL')
    fleet.members('gateway')[0]?.kill('SIGKILL')
    await fleet.nats.restart()
    await eventually(async () => {
      expect((await client.agent('lasting')).version).toBe(version)
      const view = await client.submit({ task: 'again', agent: 'lasting' }, { waitSeconds: 10 })
      expect(view).toMatchObject({ state: 'completed', result: 'again' })
    }, 60_000)
  })
})
