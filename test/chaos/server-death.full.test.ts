import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectAllEnded, judge, startLoad } from './support.ts'

/** nats-server, redis-server and consul die under load; only the fleet starts them again. */
let test: TestFleet
let audit: Audit
const SOON_MS = 30_000

beforeAll(async () => {
  test = await startTestFleet({ workers: 2 })
  audit = await judge(test)
}, 120_000)
afterAll(async () => {
  await audit?.close()
  await test?.[Symbol.asyncDispose]()
})

it('each killed server is started again with its data, and every accepted task ends once', async () => {
  const load = startLoad(test.client, 8, { task: 'x', model: 'sim?ttft=100&tokens=5' })
  const { consul, redis, nats } = test.fleet
  for (const server of [consul, redis, nats]) {
    const { pid, restarts } = server
    const before = load.accepted.length
    process.kill(pid, 'SIGKILL')
    await eventually(() => {
      expect(server.restarts).toBe(restarts + 1)
      expect(load.accepted.length).toBeGreaterThan(before + 50)
    }, SOON_MS)
  }
  await eventually(async () => {
    const { status, nodes } = await test.client.fleet()
    expect({ status, taking: nodes.filter(({ passing }) => passing).length }).toEqual({
      status: 'ok',
      taking: 2,
    })
  }, SOON_MS)
  await load.stop()
  await expectAllEnded(audit, load.accepted)
}, 180_000)

it('nodes that Consul loses all at once are registered again, and their tasks continue', async () => {
  const fromNow = await judge(test)
  const load = startLoad(test.client, 8, { task: 'x', model: 'sim?ttft=100&tokens=5' })
  for (const { id } of test.fleet.members('worker')) {
    const url = `${test.fleet.consul.url}/v1/agent/service/deregister/${id}`
    expect((await fetch(url, { method: 'PUT' })).status).toBe(200)
  }
  await eventually(async () => {
    const { nodes } = await test.client.fleet()
    expect(nodes.filter(({ passing }) => passing)).toHaveLength(2)
  }, SOON_MS)
  const before = load.accepted.length
  await eventually(() => expect(load.accepted.length).toBeGreaterThan(before + 50), SOON_MS)
  await load.stop()
  await expectAllEnded(fromNow, load.accepted)
  await fromNow.close()
}, 120_000)

it('a fleet whose nodes are all drained returns to its size by itself', async () => {
  const before = test.fleet.members('worker')
  for (const member of before) process.kill(member.pid(), 'SIGTERM')
  await Promise.all(before.map((member) => member.exited()))
  const view = await test.client.submit({ task: 'x', model: 'echo' }, { waitSeconds: 60 })
  expect(view).toMatchObject({ state: 'completed' })
  expect(before.map(({ id }) => id)).not.toContain(view.node)
  await test.fleet.nodesReady(2, SOON_MS)
}, 120_000)

/** What `/readyz` of a service says. */
async function readiness(kind: string): Promise<object> {
  const answer = await fetch(`${test.fleet.members(kind)[0]!.adminUrl()}/readyz`)
  return { status: answer.status, ...((await answer.json()) as object) }
}

it('the readiness of a service names an unavailable server: a service that needs the server is not ready, and other services are degraded', async () => {
  await test.fleet.redis.stop()
  await eventually(async () => {
    expect(await readiness('coordinator')).toEqual({ status: 503, ok: false, reason: 'store-away' })
    expect(await readiness('gateway')).toMatchObject({
      status: 200,
      ok: true,
      degraded: ['store-away', 'usage-away', 'callerLimits-away'],
    })
    expect(await readiness('worker')).toMatchObject({ status: 200, degraded: ['shared-away'] })
  }, SOON_MS)
  // Tasks run without Redis.
  const view = await test.client.submit({ task: 'x', model: 'echo' }, { waitSeconds: 10 })
  expect(view).toMatchObject({ state: 'completed' })
  await test.fleet.consul.stop()
  await eventually(async () => {
    expect(await readiness('autoscaler')).toMatchObject({ status: 503, reason: 'discovery-away' })
  }, SOON_MS)
  await Promise.all([test.fleet.redis.restart(), test.fleet.consul.restart()])
  for (const kind of ['coordinator', 'gateway', 'worker', 'autoscaler']) {
    await eventually(async () => {
      expect(await readiness(kind)).toEqual({ status: 200, ok: true })
    }, SOON_MS)
  }
}, 120_000)
