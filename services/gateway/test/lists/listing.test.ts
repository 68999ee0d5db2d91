import { connectStore } from '@agentfleet/adapters'
import { createLogger } from '@agentfleet/runtime'
import { withRedis } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

test('a list counts a task as running as soon as its in-flight note exists, and GET /v1/fleet counts in the same way', async () => {
  await using bench = await setup()
  const client = bench.client()
  const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
  const store = await connectStore({ url: bench.servers.redis.url, log })
  try {
    const names = ['a', 'b', 'c', 'd', 'e']
    const ids: string[] = []
    for (const task of names) ids.push((await client.submit({ task })).id)
    const records = await Promise.all(ids.map((id) => bench.taskLog.record(id)))
    const known = records.filter((record) => record !== undefined)
    await store.project(known, 60_000)
    const noted = [ids[1]!, ids[3]!].map((taskId) => ({ taskId, nodeId: 'n1', ackSubject: 'x' }))
    await store.noteInflight(noted)
    const listed = async (state: 'queued' | 'running', limit: number) => {
      const found: string[] = []
      let cursor: string | undefined
      do {
        const page = await client.list({
          state,
          limit,
          ...(cursor === undefined ? {} : { cursor }),
        })
        expect(page.tasks.every((task) => task.state === state)).toBe(true)
        found.push(...page.tasks.map(({ preview }) => preview))
        cursor = page.nextCursor
      } while (cursor !== undefined)
      return found
    }
    expect(await listed('running', 50)).toEqual(['d', 'b'])
    expect(await listed('queued', 50)).toEqual(['e', 'c', 'a'])
    // The same, page by page.
    expect(await listed('running', 1)).toEqual(['d', 'b'])
    expect(await listed('queued', 2)).toEqual(['e', 'c', 'a'])
  } finally {
    await store.close()
  }
})

test('until Redis has all records again, lists, counts and changes of many tasks are refused, and single tasks are read from the log (L8)', async () => {
  await using bench = await setup()
  const client = bench.client()
  const { id } = await client.submit({ task: 'a' })
  await withRedis(bench.servers.redis.url, (redis) => redis.flushall())
  const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
  const store = await connectStore({ url: bench.servers.redis.url, log })
  try {
    // A coordinator has written some of the records, and not yet all.
    await store.project([(await bench.taskLog.record(id))!], 60_000)
    const unavailable = { status: 503, code: 'store-unavailable' }
    for (const path of ['tasks', 'tasks:count', 'goals']) {
      const answer = await fetch(`${bench.gateway.url()}/v1/${path}`)
      expect(await answer.json(), path).toMatchObject(unavailable)
    }
    await expect(client.cancelAll({ state: ['queued'] })).rejects.toMatchObject({
      problem: unavailable,
    })
    expect(await client.get(id)).toMatchObject({ id, state: 'queued' })
    await store.markBuilt(1, -1)
    expect((await client.list()).tasks).toHaveLength(1)
  } finally {
    await store.close()
  }
})
