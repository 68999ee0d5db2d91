import { FORMATS, toStored } from '@agentfleet/protocol'
import { recordOf, startTestServers, withRedis } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { connectStore, connectUsageTotals, type Logger } from '../../src/index.ts'
import { redisKey } from '../../src/store/redis-keys.ts'
import { indexMember } from '../../src/store/stored-record.ts'

const newer = JSON.stringify({ ...recordOf('x'), format: FORMATS.record + 1 })
/** Values that no release writes, or only a newer one. */
const HOSTILE = [
  '',
  'nonsense',
  '1 queued i',
  '1 queued i{nonsense',
  '1 queued inull',
  '1 queued i[]',
  '1 queued i{"taskId":"x","state":"queued","seq":1,"spec":null}',
  '1 queued i{"taskId":"x","tenant":"acme","state":"queued","seq":5,"spec":{"task":"x"},"usage":{},"calls":[]}',
  '1 queued i{nonsense\n{nonsense',
  '1 queued inull\nnull',
  `1 queued i${'{"a":'.repeat(5_000)}`,
  `1 queued i${newer}`,
  `1 queued i${newer}\n${newer}`,
]

test('a list of tasks leaves out records that cannot be read, and logs each of them', async () => {
  await using servers = await startTestServers(['redis'])
  const lines: string[] = []
  const error = (_fields: object, line: string) => void lines.push(line)
  const log: Logger = { debug() {}, info() {}, warn() {}, error: error as Logger['error'] }
  const { url } = servers.redis
  const store = await connectStore({ url, log })
  await store.project([recordOf('good')], 60_000)
  await withRedis(url, async (redis) => {
    for (const [n, text] of HOSTILE.entries()) {
      await redis.set(redisKey('task', `bad${n}`), text)
      await redis.zadd(redisKey('listing', 'acme', 'queued'), 0, indexMember(1_000, `bad${n}`))
    }
  })
  const { found } = await store.search({ tenant: 'acme', filter: {}, limit: 100 })
  expect(found.map(({ task }) => task.taskId)).toEqual(['good'])
  const bad = HOSTILE.map((_, n) => `bad${n}`)
  expect(await Promise.all(bad.map((id) => store.load(id)))).toEqual(bad.map(() => undefined))
  const previews = await store.previews([...bad, 'good'])
  expect(previews.flatMap((task) => task?.taskId ?? [])).toEqual(['good'])
  expect(new Set(lines)).toEqual(
    new Set(['The process skipped a record of Redis that it cannot read']),
  )
  await store.close()
})

test('the record of a task and its preview each contain their format number', async () => {
  await using servers = await startTestServers(['redis'])
  const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
  const { url } = servers.redis
  const store = await connectStore({ url, log })
  const large = recordOf('large', { result: 'x'.repeat(20_000) })
  await store.project([large], 60_000)
  const text = await withRedis(url, (redis) => redis.get(redisKey('task', 'large')))
  const parts = (text ?? '').slice((text ?? '').indexOf('{')).split('\n')
  const formats = parts.map((part) => (JSON.parse(part) as { format?: number }).format)
  expect(formats).toEqual([FORMATS.record, FORMATS.record])
  expect(await store.load('large')).toEqual(large)
  expect(toStored(large, 'record')).toBe(parts[1])
  await store.close()
})

test('an unreadable mark of the projection counts as none, so that the projection is written again', async () => {
  await using servers = await startTestServers(['redis'])
  const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
  const { url } = servers.redis
  const store = await connectStore({ url, log })
  for (const text of ['nonsense', '{}', '']) {
    await withRedis(url, (redis) => redis.set(redisKey('projection'), text))
    expect(await store.builtSeq()).toBeUndefined()
    expect(await store.markBuilt(5, 3)).toBeUndefined()
    expect(await store.markBuilt(5, -1)).toBe(5)
    expect(await store.builtSeq()).toBe(5)
  }
  await store.close()
})

test('usage by the values of a metadata key shows the stored text of a name that is not JSON', async () => {
  await using servers = await startTestServers(['redis'])
  const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
  const { url } = servers.redis
  const totals = await connectUsageTotals({ url, log })
  const day = '2026-01-01'
  await withRedis(url, (redis) =>
    redis.hset(redisKey('usageGroup', 'acme', day, 'metadata.team'), '@{nonsense|calls', '1'),
  )
  const by = { by: 'metadata', tenant: 'acme', key: 'team' } as const
  expect(await totals.readGroups(by, [day])).toMatchObject([
    { groups: [{ name: '{nonsense', usage: { llmCalls: 1 } }] },
  ])
  await totals.close()
})
