import {
  classifyFailure,
  NO_USAGE,
  type JournaledCall,
  type Json,
  type TaskSpec,
} from '@agentfleet/domain'
import { describe, expect, test } from 'vitest'
import { runAgent } from '../../src/run/agent-loop.ts'
import type { AgentDeps, Begun } from '../../src/run/turn.ts'
import type { LlmAnswer } from '../../src/run/conversation.ts'
import type { LlmOutcome } from '../../src/llm/request.ts'
import { createRuns, type Run } from '../../src/node/runs.ts'
import { agentDeps, NO_LLM } from './deps.ts'
import { answer, offerOf, type Tool } from '../../src/tools/tool.ts'

const spec: TaskSpec = {
  task: 'pay',
  agent: 'assistant',
  model: 'm',
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  timeoutMs: 60_000,
  maxAttempts: 1,
  tools: ['pay_out'],
}
const wantsToPay: LlmAnswer = {
  text: '',
  toolCalls: [{ id: 'c1', name: 'pay_out', arguments: '{"amount":1}' }],
}
const done: LlmAnswer = { text: 'done', toolCalls: [] }
const heard = (said: LlmAnswer): LlmOutcome => {
  const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
  return {
    kind: 'answered',
    answer: said,
    usage,
    model: 'm',
    by: { provider: 'p', model: 'm' },
    times: { startedAtMs: 1 },
  }
}

/** Runs an agent whose model gives these answers, one for each call. */
async function play(
  says: readonly LlmAnswer[],
  begun: Partial<Begun> = {},
  change: Partial<AgentDeps> & {
    readonly spec?: Partial<TaskSpec>
    /** Called with the run before it starts. */
    readonly before?: (run: Run) => void
  } = {},
) {
  const paid: unknown[] = []
  const journal: JournaledCall[] = []
  const tool: Tool = {
    offer: offerOf('pay_out', 'Pays.', { type: 'object' }),
    source: 'module',
    timeoutMs: 1_000,
    approval: true,
    idempotent: false,
    run: async (args) => {
      paid.push(args)
      return answer('paid')
    },
  }
  let calls = 0
  let asked = ''
  const deps = agentDeps({
    llm: {
      ...NO_LLM,
      call: async ({ messages }) => {
        asked = JSON.stringify(messages)
        return heard(says[calls++] ?? wantsToPay)
      },
    },
    tools: () => new Map([['pay_out', tool]]),
    commit: async (_run, call) => {
      journal.push(call)
      return true
    },
    ...change,
  })
  const ids = { taskId: 't', tenant: 'a', seq: 1, claim: 'c' }
  const deadlineAtMs = Date.now() + spec.timeoutMs
  const run = createRuns(() => undefined).add({ ...ids, deadlineAtMs, fenced: false }, 0, 0)
  const from = { calls: [], approvals: [], ...begun }
  change.before?.(run)
  const ending = await runAgent(run, { ...spec, ...change.spec }, from, deps)
  return { ending, paid, journal, calls, asked }
}

const journaled: JournaledCall = {
  step: 0,
  kind: 'llm',
  name: 'm',
  output: { text: '', toolCalls: wantsToPay.toolCalls.map((call) => ({ ...call })) },
  usage: NO_USAGE,
}

describe('a tool call that needs approval', () => {
  test('is not made before the approval, and the run pauses and reports what it waits for', async () => {
    const { ending, paid } = await play([wantsToPay])
    const wait = { kind: 'approval', step: 1, tool: 'pay_out', arguments: { amount: 1 } }
    expect(ending).toEqual({ kind: 'paused', wait })
    expect(paid).toEqual([])
  })

  test('is made after a user has approved it', async () => {
    const approvals = [{ step: 1, approved: true, by: 'a' }]
    const { ending, paid } = await play([done], { calls: [journaled], approvals })
    expect(ending).toMatchObject({ kind: 'completed', result: 'done' })
    expect(paid).toEqual([{ amount: 1 }])
  })

  test('is not made after a refusal, and the model learns of the refusal', async () => {
    const approvals = [{ step: 1, approved: false, by: 'a', note: 'too much' }]
    const { ending, paid, journal } = await play([done], { calls: [journaled], approvals })
    expect(ending).toMatchObject({ kind: 'completed' })
    expect(paid).toEqual([])
    expect(JSON.stringify(journal[0]?.output)).toContain('too much')
  })
})

describe('a run whose node does not know whether it still owns the task', () => {
  const approvals = [{ step: 1, approved: true, by: 'a' }]

  test('makes no call when the coordinator does not confirm the run (L3)', async () => {
    const refused = (run: Run): void => {
      run.check = Promise.resolve().then(() => {
        run.over = 'superseded'
      })
    }
    const first = await play([done], {}, { before: refused })
    expect([first.ending.kind, first.calls]).toEqual(['over', 0])
    const tool = await play([done], { calls: [journaled], approvals }, { before: refused })
    expect([tool.ending.kind, tool.paid, tool.calls]).toEqual(['over', [], 0])
  })

  test('continues when the coordinator confirms it', async () => {
    const confirmed = (run: Run): void => {
      run.check = Promise.resolve()
    }
    const { ending, calls } = await play([done], {}, { before: confirmed })
    expect([ending.kind, calls]).toEqual(['completed', 1])
  })
})

describe('a run of a tenant with a rule for tools', () => {
  test('fails once, before any call is paid for, when the agent lists a tool that the rule denies', async () => {
    for (const tools of [['pay_out'], ['pay_*']]) {
      const tenantTools = { a: ['calculate'], '*': ['pay_out'] }
      const { ending, calls } = await play([done], {}, { tenantTools, spec: { tools } })
      expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'tool-denied' } })
      expect(calls).toBe(0)
    }
  })

  test('may use the tools that the rule lists', async () => {
    const { ending } = await play([done], {}, { tenantTools: { a: ['pay_*'] } })
    expect(ending).toMatchObject({ kind: 'completed' })
  })

  test('fails with the code for a missing tool when its node lacks an allowed tool', async () => {
    const spec = { tools: ['ghost'] }
    const { ending } = await play([done], {}, { tenantTools: { a: ['*'] }, spec })
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'tool-missing' } })
  })
})

describe('a run', () => {
  test('fails once, before any call is paid for, when checking an answer against its schema would cost too much', async () => {
    const $defs: Record<string, Json> = { d40: {} }
    for (let n = 0; n < 40; n += 1) {
      const next = { $ref: `#/$defs/d${n + 1}` }
      $defs[`d${n}`] = { allOf: [next, next] }
    }
    const responseSchema = { $ref: '#/$defs/d0', $defs }
    const { ending, calls } = await play([done], {}, { spec: { responseSchema } })
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'schema-too-costly' } })
    expect(ending.kind === 'failed' && classifyFailure(ending.failure)).toEqual({
      code: 'schema-too-costly',
      retryable: false,
    })
    expect(calls).toBe(0)
  })

  test('stops after a call whose result the coordinator has not stored (L4)', async () => {
    const { ending, calls } = await play([wantsToPay, done], {}, { commit: async () => false })
    expect(ending).toEqual({ kind: 'over' })
    expect(calls).toBe(1)
  })

  test('does not repeat a call that is already in the journal (L3)', async () => {
    const paidBefore: JournaledCall = {
      step: 1,
      kind: 'tool',
      name: 'pay_out',
      output: { id: 'c1', text: 'paid' },
      usage: NO_USAGE,
    }
    const { ending, paid, calls, asked } = await play([done], { calls: [journaled, paidBefore] })
    expect(ending).toMatchObject({ kind: 'completed' })
    expect(paid).toEqual([])
    expect(calls).toBe(1)
    expect(asked).toContain('"tool_call_id":"c1","content":"paid"')
  })

  test('ends when it has used all its LLM calls and has no result (L7)', async () => {
    const approvals = [1, 3, 5, 7, 9].map((step) => ({ step, approved: true, by: 'a' }))
    const { ending, calls } = await play([], { approvals })
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'too-many-turns' } })
    expect(calls).toBe(4)
  })

  test('fails when its result is larger than the limit (L7)', async () => {
    const { ending } = await play([{ text: 'x'.repeat(2_000), toolCalls: [] }])
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'output-too-large' } })
  })

  test('fails before its finished calls exceed their limit together, and counts those of earlier attempts, so that another node can always resume it (L7)', async () => {
    const text = 'x'.repeat(900)
    const earlier = [0, 2].flatMap((step): JournaledCall[] => {
      const output = { id: 'c1', text }
      return [
        { ...journaled, step },
        { step: step + 1, kind: 'tool', name: 'pay_out', output, usage: NO_USAGE },
      ]
    })
    const ofBytes = (bytes: number) =>
      play(
        [{ ...wantsToPay, text: 'x'.repeat(bytes) }],
        { calls: earlier },
        { resultBytesMax: 8_192 },
      )
    const fits = await ofBytes(3_000)
    expect(fits).toMatchObject({ ending: { kind: 'paused' }, journal: [{ step: 4 }] })
    const { ending, journal } = await ofBytes(4_000)
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'output-too-large' } })
    expect(journal).toEqual([])
  })
})
