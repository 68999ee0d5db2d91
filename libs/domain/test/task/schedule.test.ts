import { expect, test } from 'vitest'
import { MANUAL_RUNS_MAX, pastRuns, withManualRun, type ManualRun } from '../../src/index.ts'

const run = (at: number): ManualRun => ({ atMs: at, taskId: `t${at}` })

test('only the newest runs that clients asked for are kept, and a repeated request adds none', () => {
  let runs: readonly ManualRun[] = []
  for (let at = 1; at <= MANUAL_RUNS_MAX + 2; at += 1) runs = withManualRun(runs, run(at))
  expect(runs).toHaveLength(MANUAL_RUNS_MAX)
  expect(runs[0]).toEqual(run(MANUAL_RUNS_MAX + 2))
  expect(withManualRun(runs, run(MANUAL_RUNS_MAX))).toBe(runs)
})

test('the list of the past runs has ticks and runs that clients asked for by their times, and names who started each', () => {
  const last = [{ at: '2026-01-31T08:00:00.000Z', skipped: true }]
  const manual = [
    { at: '2026-01-31T09:00:00.000Z', taskId: 'a', by: 'k1' },
    { at: '2026-01-31T07:00:00.000Z', taskId: 'b' },
  ]
  expect(pastRuns({ last, manual }).map(({ at, by }) => `${at.slice(11, 13)} ${by}`)).toEqual([
    '09 k1',
    '08 the schedule',
    '07 a client',
  ])
})
