import { connectStore } from '@agentfleet/adapters'
import { CHANNELS } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { liveNode } from '../records.ts'
import { setup } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const node = liveNode({ active: 1 })

test('a node is shown with the tasks that run on it to keys that may read tasks, and drains when an operator asks', async () => {
  await using bench = await setup({ ADMIN_KEY: ADMIN })
  const client = bench.client(ADMIN)
  await expect(client.node('n1')).rejects.toMatchObject({ problem: { code: 'node-not-found' } })
  const { id } = await client.submit({ task: 'on the node' })
  await client.submit({ task: 'elsewhere' })
  const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
  const store = await connectStore({ url: bench.servers.redis.url, log })
  const record = await bench.taskLog.record(id)
  await store.project(record === undefined ? [] : [record], 60_000)
  await store.noteInflight([{ taskId: id, nodeId: 'n1', ackSubject: 'x' }])
  await store.close()
  await eventually(async () => {
    const snapshot = { atMs: 1, monitorId: 'm', nodes: [node], queued: 0, running: 1 }
    bench.bus.send(CHANNELS.snapshot, snapshot)
    const shown = await client.node('n1')
    expect(shown).toMatchObject({ node: { id: 'n1', slots: 10 }, complete: true })
    expect(shown.tasks).toMatchObject([{ id, state: 'running', node: 'n1' }])
  })
  // The texts of tasks need another scope than the figures of nodes.
  const watcher = { name: 'watcher', tenant: 'default', scopes: ['fleet:read' as const] }
  const { key } = await client.createKey(watcher)
  expect(await bench.client(key).node('n1')).toMatchObject({
    node: { id: 'n1' },
    tasks: [],
    complete: false,
  })
  await expect(client.drainNode('n1')).rejects.toMatchObject({
    status: 503,
    problem: { code: 'node-unavailable' },
  })
  let asked = 0
  bench.bus.on(
    CHANNELS.drain,
    async () => {
      asked += 1
      return {}
    },
    { where: { nodeId: 'n1' } },
  )
  await eventually(async () => {
    expect(await client.drainNode('n1')).toMatchObject({ id: 'n1', draining: true })
  })
  expect(asked).toBeGreaterThan(0)
})
