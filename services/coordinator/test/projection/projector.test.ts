import { foldHistory, type TaskRecord } from '@agentfleet/domain'
import { eventually, PLAIN_SPEC } from '@agentfleet/testkit'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { createProjector } from '../../src/projection/projector.ts'

const MIB = 1024 * 1024
const log = { debug() {}, info() {}, warn() {}, error() {} }

/** A finished task with a result of so many characters. */
function recordOf(taskId: string, seq: number, chars: number, tenant = 't'): TaskRecord {
  const base = { type: 'submitted', atMs: 0, tenant, specHash: '', spec: PLAIN_SPEC } as const
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

/** What happens to the records of two tenants: one has many and large ones, and Redis comes and goes. */
const steps = fc.array(
  fc.record({
    busy: fc.integer({ min: 0, max: 600 }),
    bytes: fc.integer({ min: 1_000, max: 100_000 }),
    quiet: fc.integer({ min: 0, max: 3 }),
    away: fc.boolean(),
    waitMs: fc.integer({ min: 0, max: 800 }),
  }),
  { minLength: 1, maxLength: 12 },
)

test('every record of a quiet tenant is written as soon as Redis is back, no matter how many records another tenant has that wait for Redis (L7)', async () => {
  vi.useFakeTimers()
  try {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const written = new Set<string>()
        let away = false
        const project = async (records: readonly TaskRecord[]) => {
          if (away) throw new Error('away')
          for (const { taskId } of records) written.add(taskId)
        }
        const options = { store: { project }, retentionMs: 1, log }
        const projector = createProjector({ ...options, tenants: () => 2 })
        const expected: string[] = []
        let seq = 0
        const add = (tenant: string, bytes: number): string => {
          seq += 1
          projector.add(recordOf(`${tenant}-${seq}`, seq, 1, tenant), bytes)
          expect(projector.unwrittenBytes()).toBeLessThanOrEqual(32 * MIB)
          return `${tenant}-${seq}`
        }
        for (const step of all) {
          away = step.away
          for (let n = 0; n < step.busy; n += 1) add('busy', step.bytes)
          for (let n = 0; n < step.quiet; n += 1) expected.push(add('quiet', 50_000))
          await vi.advanceTimersByTimeAsync(step.waitMs)
        }
        away = false
        await vi.advanceTimersByTimeAsync(2_000)
        expect(projector.unwrittenBytes()).toBe(0)
        expect(expected.filter((taskId) => !written.has(taskId))).toEqual([])
        projector.close()
      }),
      { seed: 20_261_129, numRuns: 60 },
    )
  } finally {
    vi.useRealTimers()
  }
})
