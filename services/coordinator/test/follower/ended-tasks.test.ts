import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEndedTasks } from '../../src/follower/ended-tasks.ts'

const RETENTION = { retentionMs: 1_000_000, retentionTasks: 100, keptAtLeastMs: 20_000 }
/** The quiet tenant ends fewer tasks than an equal part of the places. */
const QUIET_MAX = 40
interface End {
  readonly atMs: number
  readonly seq: number
}

/** How many tasks end, how long after the last ones, and whose they are. */
const steps = fc.array(
  fc.record({
    quiet: fc.boolean(),
    count: fc.integer({ min: 1, max: 30 }),
    pauseMs: fc.integer({ min: 1_000, max: 30_000 }),
  }),
  { minLength: 1, maxLength: 60 },
)

test('however many tasks a loud tenant ends, a quiet tenant keeps all its ended tasks for the retention time, and the oldest of the loud tenant expire', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(4, 1_000), (all, marksMax) => {
      const ended = createEndedTasks(RETENTION, marksMax)
      const ends: Record<'quiet' | 'loud', End[]> = { quiet: [], loud: [] }
      const left = { quiet: 0, loud: 0 }
      let nowMs = 0
      let seq = 0
      for (const { quiet, count, pauseMs } of all) {
        nowMs += pauseMs
        const tenant = quiet && ends.quiet.length + count <= QUIET_MAX ? 'quiet' : 'loud'
        for (let each = 0; each < count; each += 1) {
          seq += 2
          ends[tenant].push({ atMs: nowMs, seq })
          ended.note(tenant, { atMs: nowMs, seq, neededFrom: seq - 1, bytes: 7 })
        }
        ended.expire(nowMs, (name, tasks) => (left[name as 'quiet' | 'loud'] += tasks.ended))
        for (const name of ['quiet', 'loud'] as const) {
          // The report counts the expired tasks, and the oldest expire first.
          const gone = ends[name].slice(0, left[name])
          const kept = ends[name].slice(left[name])
          expect(gone.every((end) => ended.isExpired(name, end.seq))).toBe(true)
          expect(kept.some((end) => ended.isExpired(name, end.seq))).toBe(false)
          const lastMs = gone.at(-1)?.atMs ?? -Infinity
          expect(lastMs).toBeLessThanOrEqual(ended.expiredMsOf(name))
          expect(lastMs).toBeLessThanOrEqual(nowMs - RETENTION.keptAtLeastMs)
        }
        const quietGoneMs = ends.quiet[left.quiet - 1]?.atMs ?? -Infinity
        expect(quietGoneMs).toBeLessThanOrEqual(nowMs - RETENTION.retentionMs)
        expect(ended.expiredEarly('quiet')).toBe(false)
        const oldest = [ends.quiet[left.quiet], ends.loud[left.loud]]
        const needed = oldest.flatMap((end) => (end === undefined ? [] : [end.seq - 1]))
        expect(ended.neededFrom()).toBe(Math.min(Infinity, ...needed))
        const kept = ends.loud.slice(left.loud)
        if (ended.expiredEarly('loud'))
          expect(kept.length).toBeGreaterThanOrEqual(RETENTION.retentionTasks - QUIET_MAX)
        if (marksMax < 1_000) continue
        const young = kept.filter(({ atMs }) => atMs > nowMs - RETENTION.keptAtLeastMs).length
        const places = RETENTION.retentionTasks - (ends.quiet.length - left.quiet)
        expect(kept.length).toBeLessThanOrEqual(Math.max(places, young))
      }
    }),
    { seed: 20_261_129, numRuns: 200 },
  )
})

test('a week of ends every ten seconds takes a bounded number of marks, and an old task leaves at most a hundredth of its age late', () => {
  const day = 86_400_000
  const marksMax = 5_000
  const ended = createEndedTasks(
    { retentionMs: 7 * day, retentionTasks: 1e9, keptAtLeastMs: 0 },
    marksMax,
  )
  let seq = 0
  let nowMs = 0
  for (; nowMs < 8 * day; nowMs += 10_000) {
    seq += 1
    ended.note('t', { atMs: nowMs, seq, neededFrom: seq, bytes: 1 })
  }
  let reports = 0
  ended.expire(nowMs, () => (reports += 1))
  expect(reports).toBeLessThan(marksMax)
  const oldestMs = ended.neededFrom() * 10_000
  expect(oldestMs).toBeGreaterThan(day - (7 * day) / 100)
  expect(oldestMs).toBeLessThanOrEqual(day + 20_000)
})
