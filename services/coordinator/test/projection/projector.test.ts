import { foldHistory, type TaskRecord } from '@agentfleet/domain'
import { eventually, PLAIN_SPEC } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createProjector } from '../../src/projection/projector.ts'

const MIB = 1024 * 1024
const log = { debug() {}, info() {}, warn() {}, error() {} }

/** A finished task with a result of so many characters. */
function recordOf(taskId: string, seq: number, chars: number): TaskRecord {
  const base = { type: 'submitted', atMs: 0, tenant: 't', specHash: '', spec: PLAIN_SPEC } as const
  const record = foldHistory(taskId, [{ event: base, seq }])!
  return { ...record, state: 'completed', result: 'x'.repeat(chars) }
}

test('while Redis is unavailable, unwritten records take at most 32 MiB, and the other records are rebuilt from the log later (L7, L8)', async () => {
  const project = () => Promise.reject(new Error('away'))
  const projector = createProjector({ store: { project }, retentionMs: 1, log })
  let most = 0
  for (let seq = 1; seq <= 10_000; seq += 1) {
    projector.add(recordOf(`t${seq}`, seq, 10_000), 10_100)
    most = Math.max(most, projector.unwrittenBytes())
  }
  expect(most).toBeGreaterThan(30 * MIB)
  expect(most).toBeLessThanOrEqual(32 * MIB)
  expect(projector.takeLost()).toBe(true)
  expect(await projector.drain()).toBe(false)
})

test('one write to Redis contains at most 4 MiB of records, or a single record that is larger (L7)', async () => {
  const writes: number[] = []
  const project = async (records: readonly TaskRecord[]) => {
    writes.push(records.reduce((sum, { result }) => sum + (result as string).length, 0))
  }
  const projector = createProjector({ store: { project }, retentionMs: 1, log })
  projector.add(recordOf('large', 1, 6 * MIB), 6 * MIB)
  for (let seq = 2; seq <= 20; seq += 1) projector.add(recordOf(`t${seq}`, seq, MIB), MIB)
  await eventually(() => expect(projector.unwrittenBytes()).toBe(0))
  expect(await projector.drain()).toBe(true)
  expect(writes[0]).toBe(6 * MIB)
  for (const bytes of writes.slice(1)) expect(bytes).toBeLessThanOrEqual(4 * MIB)
})

test('when Redis is back, the unwritten records leave in full writes, so that catching up takes few of them (L8)', async () => {
  const writes: number[] = []
  let away = true
  const project = async (records: readonly TaskRecord[]): Promise<void> => {
    if (away) throw new Error('away')
    writes.push(records.length)
  }
  const projector = createProjector({ store: { project }, retentionMs: 1, log })
  for (let seq = 1; seq <= 2_500; seq += 1) {
    projector.add(recordOf(`t${seq}`, seq, 10_000), 10_100)
  }
  await eventually(() => expect(projector.failing()).toBe(true))
  away = false
  await eventually(() => expect(projector.missingFrom()).toBeUndefined())
  expect(writes.reduce((sum, count) => sum + count, 0)).toBe(2_500)
  // 4 MiB hold about 340 of them.
  expect(writes.length).toBeLessThanOrEqual(9)
  expect(projector.takeLost()).toBe(false)
})
