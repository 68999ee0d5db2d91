import { connectStore } from '@agentfleet/adapters'
import { createLogger } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

test('a held request whose wait ends before its task has ended is answered with the current state of the task', async () => {
  await using bench = await setup()
  const client = bench.client()
  const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
  const store = await connectStore({ url: bench.servers.redis.url, log })
  try {
    const idempotencyKey = 'the-same'
    const { id } = await client.submit({ task: 'x' }, { idempotencyKey })
    await store.noteInflight([{ taskId: id, nodeId: 'n1', ackSubject: 'a' }])
    const waited = await client.submit({ task: 'x' }, { idempotencyKey, waitSeconds: 1 })
    expect(waited).toMatchObject({ id, state: 'running', node: 'n1' })
  } finally {
    await store.close()
  }
})
