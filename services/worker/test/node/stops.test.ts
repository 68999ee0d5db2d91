import { PLAIN_SPEC } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createRuns, type Phase } from '../../src/node/runs.ts'
import { stopRuns } from '../../src/node/stops.ts'

function runIn(phase: Phase, fenced = false) {
  const runs = createRuns(() => undefined)
  const item = {
    taskId: 't',
    tenant: 'a',
    seq: 7,
    deadlineAtMs: 1,
    fenced,
    claim: 'c',
    ...(fenced ? {} : { spec: PLAIN_SPEC }),
  }
  const run = runs.add(item, 0, 0)
  runs.enter(run, phase)
  return { runs, run }
}

test.each(['queued', 'running', 'reporting'] as const)(
  'a run in the phase %s ends as superseded when a newer attempt has started elsewhere (L4)',
  (phase) => {
    const { runs, run } = runIn(phase)
    stopRuns(runs, { taskIds: ['unknown', 't'], before: 8 })
    expect(run.over).toBe('superseded')
    expect(runs.size()).toBe(0)
  },
)

test.each(['queued', 'beginning'] as const)(
  'a run in the phase %s that will begin through the coordinator stays, because its begin makes it the newest attempt',
  (phase) => {
    const { runs, run } = runIn(phase, true)
    stopRuns(runs, { taskIds: ['t'], before: 8 })
    expect(run.over).toBeUndefined()
  },
)

test('a run that has seen the start of the newer attempt stays when the news of it arrives late', () => {
  const { runs, run } = runIn('running', true)
  run.token = 9
  stopRuns(runs, { taskIds: ['t'], before: 9 })
  expect(run.over).toBeUndefined()
})

test('a run stops in each phase when its task has ended', () => {
  for (const phase of ['queued', 'beginning', 'running', 'reporting'] as const) {
    const { runs, run } = runIn(phase)
    stopRuns(runs, { taskIds: ['t'] })
    expect(run.over).toBe('stopped')
  }
})
