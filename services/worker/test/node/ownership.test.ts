import type { PointerAcks } from '@agentfleet/adapters'
import { NO_USAGE } from '@agentfleet/domain'
import { eventually, PLAIN_SPEC } from '@agentfleet/testkit'
import type { Outcome, ReportItem } from '@agentfleet/protocol'
import { createLogger, manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createOwnership } from '../../src/node/ownership.ts'
import type { LlmOutcome } from '../../src/llm/request.ts'
import type { Reporter } from '../../src/node/reports.ts'
import { createRuns } from '../../src/node/runs.ts'
import { stopRuns } from '../../src/node/stops.ts'
import { createAttempts } from '../../src/run/attempt.ts'
import { callModel } from '../../src/run/model-call.ts'
import type { AgentDeps } from '../../src/run/turn.ts'
import { agentDeps, NO_LLM } from '../run/deps.ts'

const SPEC = { ...PLAIN_SPEC, model: 'm' }
const NO_ACKS = {} as PointerAcks
const SUPERSEDED: Outcome = { kind: 'superseded' }
const BEGUN: Outcome = {
  kind: 'begun',
  seq: 8,
  attempt: 2,
  spec: SPEC,
  calls: [],
  deadlineAtMs: Date.now() + 60_000,
}
/** After this answer a run has one more call to make. */
const ASKS_FOR_A_TOOL: LlmOutcome = {
  kind: 'answered',
  answer: { text: '', toolCalls: [{ id: 'a', name: 'none', arguments: '{}' }] },
  usage: { inputTokens: 1, outputTokens: 1, llmCalls: 1 },
  model: 'm',
  by: { provider: 'p', model: 'm' },
  times: { startedAtMs: 1 },
}

/** A node with one run, whose coordinator says that another node runs the task by now. */
function setup(answer: (op: ReportItem['op']) => Outcome = () => SUPERSEDED, fenced = false) {
  const clock = manualClock()
  const asked: ReportItem['op'][] = []
  const runs = createRuns(() => undefined, clock.monotonicMs)
  const reporter: Reporter = {
    report: async ({ op }) => {
      asked.push(op)
      return answer(op)
    },
    learnTime: () => undefined,
    nextId: () => 'id',
  }
  const log = createLogger({ service: 'worker', id: 'test', level: 'silent' })
  const ownership = createOwnership({ acks: NO_ACKS, log, runs, clock, reporter })
  const ids = { taskId: 'task', tenant: 't', claim: 'c', seq: 7, fenced }
  const run = runs.add({ ...ids, spec: SPEC, deadlineAtMs: Date.now() + 60_000 }, 0, 0)
  if (!fenced) runs.enter(run, 'running')
  return { clock, asked, ownership, run, runs, reporter }
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
  expect(await callModel(run, SPEC, request, deps)).toEqual({ kind: 'over' })
  expect(asked).toEqual(['own'])
  expect(paid).toEqual([])
  expect(run.over).toBe('superseded')
})

test.each([
  ['the pause is noticed for another run first', true],
  ['the answer is the first thing that the process reads afterwards', false],
])(
  'the answer to a question that was asked before a pause does not confirm the run after the pause: %s (L3)',
  async (_case, noticed) => {
    const answers: Outcome[] = [{ kind: 'committed', seq: 7 }]
    const { clock, asked, ownership, run } = setup(() => answers.shift() ?? SUPERSEDED)
    ownership.doubt(run)
    // The answer waits in the socket while the process is frozen.
    clock.advance(2_500)
    if (noticed) ownership.noticePause()
    await run.check
    expect(asked).toEqual(['own', 'own'])
    expect(run.over).toBe('superseded')
  },
)

test.each([
  [9, 'superseded'],
  [8, 'completed'],
] as const)(
  'a run whose begin was stored at 8 and answered after a newer attempt began at %i is %s, and pays only as the newest (L3)',
  async (before, over) => {
    const paid: number[] = []
    const { run, reporter, runs } = setup((op) => {
      if (op === 'begin') stopRuns(runs, { taskIds: ['task'], before })
      return op === 'begin' ? BEGUN : { kind: 'committed', seq: 10 }
    }, true)
    const llm: AgentDeps['llm'] = {
      ...NO_LLM,
      async call({ step }) {
        paid.push(step)
        return { ...ASKS_FOR_A_TOOL, answer: { text: 'done', toolCalls: [] } }
      },
    }
    const doubt = (): void => undefined
    createAttempts({ ...agentDeps({ llm }), acks: NO_ACKS, runs, reporter, doubt })(run)
    await eventually(() => expect(run.over).toBe(over), 20_000)
    expect(paid).toHaveLength(over === 'completed' ? 1 : 0)
  },
)

test.each(['begin', 'call'] as const)(
  'a run is asked for again if its process stood still while the answer to `%s` was under way, and pays for nothing before (L3)',
  async (report) => {
    const paid: number[] = []
    const { asked, ownership, run, reporter, runs } = setup((op) => {
      if (op === 'own') return { kind: 'superseded' }
      // The answer waits in the socket while the process is frozen; the pause is noticed for another run first.
      if (op === report) ownership.doubtAll('paused')
      return op === 'begin' ? BEGUN : { kind: 'committed', seq: 9 }
    }, report === 'begin')
    const llm: AgentDeps['llm'] = {
      ...NO_LLM,
      async call({ step, confirm, onStart }) {
        let ended = false
        onStart(() => (ended = true))
        await confirm()
        if (ended) return { kind: 'cancelled' }
        paid.push(step)
        return ASKS_FOR_A_TOOL
      },
    }
    const deps = agentDeps({ llm, noticePause: ownership.noticePause })
    const start = createAttempts({
      ...deps,
      acks: NO_ACKS,
      runs,
      reporter,
      doubt: ownership.doubt,
    })
    start(run)
    await eventually(() => expect(run.over).toBe('superseded'), 20_000)
    expect(asked.at(-1)).toBe('own')
    expect(paid).toEqual(report === 'begin' ? [] : [0])
  },
)
