import type { TaskRecord } from '@agentfleet/domain'
import { PLAIN_SPEC, recordOf } from '@agentfleet/testkit'
import type { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { createReads } from '../../src/store/reads.ts'
import { storedRecord } from '../../src/store/stored-record.ts'

const quiet = () => undefined
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }

/** Reads of a Redis that holds these texts, and notes how many whole ones it gives, at most at the same time. */
function bench(texts: readonly (readonly [taskId: string, text: string])[]) {
  const values = new Map(texts.map(([taskId, text]) => [`task:${taskId}`, Buffer.from(text)]))
  const seen = { reading: 0, most: 0, whole: 0, bytes: 0 }
  const answer = (bytes: Buffer) => {
    seen.bytes += bytes.length
    return bytes.toString()
  }
  const redis = {
    getrange: (key: string, from: number, to: number) =>
      Promise.resolve(answer((values.get(key) ?? Buffer.of()).subarray(from, to + 1))),
    async mget(key: string) {
      seen.whole += 1
      seen.most = Math.max(seen.most, (seen.reading += 1))
      await new Promise((resolve) => setImmediate(resolve))
      seen.reading -= 1
      return [answer(values.get(key) ?? Buffer.of())]
    },
  }
  return { reads: createReads(redis as unknown as Redis, log), seen }
}

const ids = Array.from({ length: 200 }, (_, index) => `t${index}`)
const metadata = Object.fromEntries(
  Array.from({ length: 16 }, (_, index) => [`key-${index}`, '漢'.repeat(166)]),
)
const large = (taskId: string): TaskRecord =>
  recordOf(taskId, { spec: { ...PLAIN_SPEC, metadata }, result: 'x'.repeat(200_000) })

test('a list of tasks with much metadata reads their previews and no whole record (L7)', async () => {
  const { reads, seen } = bench(ids.map((id) => [id, storedRecord(large(id))[1]]))
  const previews = await reads.previews([...ids, 'gone'])
  expect(previews.map((task) => task?.taskId)).toEqual([...ids, undefined])
  expect(previews[0]?.metadata).toEqual(metadata)
  expect(seen.whole).toBe(0)
  expect(seen.bytes).toBeLessThan(200 * 45_000)
})

test('a list of records without previews holds one whole record at a time (L7)', async () => {
  const { reads, seen } = bench(ids.map((id) => [id, `1 queued i${JSON.stringify(large(id))}`]))
  const previews = await reads.previews(ids)
  expect(previews.map((task) => task?.taskId)).toEqual(ids)
  expect(seen).toMatchObject({ whole: 200, most: 1 })
})
