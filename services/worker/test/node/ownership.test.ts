import type { Bus } from '@agentfleet/adapters'
import { NO_USAGE } from '@agentfleet/domain'
import { PLAIN_SPEC } from '@agentfleet/testkit'
import type { Outcome, ReportItem } from '@agentfleet/protocol'
import { createLogger, manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createOwnership } from '../../src/node/ownership.ts'
import { createRuns } from '../../src/node/runs.ts'
import { callModel } from '../../src/run/model-call.ts'
import { agentDeps, NO_LLM } from '../run/deps.ts'

/** A node with one run, whose coordinator says that another node runs the task by now. */
function setup() {
  const clock = manualClock()
  const asked: ReportItem['op'][] = []
  const answer: Outcome = { kind: 'superseded' }
  const runs = createRuns(() => undefined, clock.monotonicMs)
  const ownership = createOwnership({
    bus: {} as Bus,
    log: createLogger({ service: 'worker', id: 'test', level: 'silent' }),
    runs,
    clock,
    reporter: {
      report: async ({ op }) => {
        asked.push(op)
        return answer
      },
      nextId: () => 'id',
      size: () => 0,
    },
  })
  const ids = { taskId: 'task', tenant: 't', claim: 'c', seq: 7, fenced: false }
  const run = runs.add({ ...ids, spec: PLAIN_SPEC, deadlineAtMs: 60_000 }, 0, 0)
  runs.enter(run, 'running')
  return { clock, asked, ownership, run }
}

test('a node that has stood still asks for its runs before the next step that costs money, although its timers have not fired yet (L3)', async () => {
  const { clock, asked, ownership, run } = setup()
  clock.advance(1_500)
  ownership.noticePause()
  expect(asked).toEqual([])
  // The process was frozen; it reads the answer to a report before its timers fire, and the run continues.
  clock.advance(2_500)
  const paid: string[] = []
  const llm = {
    ...NO_LLM,
    async call({ confirm, onStart }: Parameters<typeof NO_LLM.call>[0]) {
      let ended = false
      onStart(() => (ended = true))
      await confirm()
      if (ended) return { kind: 'cancelled' as const }
      paid.push('call')
      throw new Error('paid')
    },
  }
  const deps = agentDeps({ llm, noticePause: ownership.noticePause })
  const call = { step: 1, spent: NO_USAGE, messages: [], tools: [], toolsOptional: true }
  const request = { ...call, responseSchema: undefined }
  expect(await callModel(run, PLAIN_SPEC, request, deps)).toEqual({ kind: 'over' })
  expect(asked).toEqual(['own'])
  expect(paid).toEqual([])
  expect(run.over).toBe('superseded')
})
