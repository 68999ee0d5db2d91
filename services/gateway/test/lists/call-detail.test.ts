import type { JournaledCall, TaskEvent, TaskSpec } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { searchCall } from '../../src/lists/call-detail.ts'

/** What one call of a task got, as far as the log knows it. */

const SPEC: TaskSpec = {
  task: 'x',
  agent: 'assistant',
  model: 'm',
  cpu: 'low',
  memory: 'low',
  priority: 'low',
  timeoutMs: 60_000,
  maxAttempts: 1,
}
const NO_TOKENS = { inputTokens: 0, outputTokens: 0, llmCalls: 0 }
const ONE_CALL = { inputTokens: 2, outputTokens: 1, llmCalls: 1, costUsd: 0.5 }

function llm(step: number, text: string, tools: readonly string[] = []): JournaledCall {
  const toolCalls = tools.map((name) => ({ id: name, name, arguments: `{"of":"${name}"}` }))
  return { step, kind: 'llm', name: 'm', output: { text, toolCalls }, usage: ONE_CALL }
}

function tool(step: number, id: string, text: string): JournaledCall {
  return { step, kind: 'tool', name: id, output: { id, text }, usage: NO_TOKENS }
}

function submitted(
  spec: Partial<TaskSpec> = {},
  journal: readonly JournaledCall[] = [],
): TaskEvent {
  return {
    type: 'submitted',
    atMs: 0,
    tenant: 't',
    specHash: '',
    spec: { ...SPEC, ...spec },
    ...(journal.length === 0 ? {} : { journal }),
  }
}

function finished(call: JournaledCall, attempt = 1): TaskEvent {
  return { type: 'call-finished', atMs: 10, attempt, call }
}

function find(step: number, events: readonly TaskEvent[], textBytes = 1_000) {
  const search = searchCall('id', step, textBytes)
  for (const [index, event] of events.entries()) {
    const call = search.add({ event, seq: index + 1, messageId: '', storedAtMs: 0 })
    if (call !== undefined) return call
  }
  return undefined
}

test('the messages of a call are in the order of the steps, also if the tools ended in another order', () => {
  const events = [
    submitted(),
    finished(llm(0, '', ['a', 'b'])),
    finished(tool(2, 'b', 'second')),
    finished(tool(1, 'a', 'first')),
    finished(llm(3, 'done?', ['c'])),
  ]
  const texts = find(3, events)?.messages?.map(({ content }) => content?.text)
  expect(texts?.slice(2)).toEqual(['', 'first', 'second'])
  expect(find(2, events)).toMatchObject({ askedBy: 0, arguments: { text: '{"of":"b"}' } })
})

test('a correction that the worker sent to the model has no text, because the log does not store the text', () => {
  const events = [
    submitted({ responseSchema: { type: 'object' } }),
    finished(llm(0, 'no JSON')),
    finished(llm(1, 'again', ['a'])),
  ]
  expect(find(1, events)?.messages?.slice(2)).toEqual([
    { role: 'assistant', step: 0, content: { text: 'no JSON', bytes: 7 } },
    { role: 'user', step: 0 },
  ])
})

test('a call that a replay took over names the task that paid for it, and the last call has only its own cost', () => {
  const events: TaskEvent[] = [
    submitted({ replayOf: 'old' }, [llm(0, '', ['a']), tool(1, 'a', '1')]),
    { type: 'attempt-started', atMs: 5, attempt: 2, node: 'n2' },
    finished(llm(2, '', ['b']), 2),
    finished(tool(3, 'b', '2'), 2),
    {
      type: 'completed',
      atMs: 20,
      attempt: 2,
      node: 'n2',
      result: { sum: 3 },
      usage: { inputTokens: 5, outputTokens: 3, llmCalls: 2, costUsd: 0.75 },
    },
  ]
  expect(find(0, events)).toMatchObject({ replayedFrom: 'old' })
  expect(find(0, events)).not.toHaveProperty('seq')
  expect(find(3, events)).toMatchObject({ seq: 4, node: 'n2', attempt: 2 })
  expect(find(4, events)).toMatchObject({
    usage: { inputTokens: 3, outputTokens: 2, llmCalls: 1, costUsd: 0.25 },
    output: { text: '{"sum":3}' },
  })
  expect(find(5, events)).toBeUndefined()
})

test('the call of a goal has no messages, because they contain results of other tasks', () => {
  const goal = { roles: [], team: {}, replansMax: 0 } as unknown as NonNullable<TaskSpec['goal']>
  expect(find(0, [submitted({ goal }), finished(llm(0, 'a plan'))])).not.toHaveProperty('messages')
})

test('all earlier messages together have at most a mebibyte, and the oldest messages lose their text first (L7)', () => {
  const large = 'x'.repeat(200_000)
  const rounds = Array.from({ length: 10 }, (_, round) => [
    finished(llm(2 * round, '', ['a'])),
    finished(tool(2 * round + 1, 'a', large)),
  ])
  const events = [submitted(), ...rounds.flat(), finished(llm(20, '', ['a']))]
  const tools = find(20, events, 262_144)?.messages?.filter(({ role }) => role === 'tool') ?? []
  expect(tools.map(({ content }) => content?.bytes)).toEqual(tools.map(() => 200_000))
  expect(tools.map(({ content }) => content?.text.length)).toEqual([
    ...Array.from({ length: 5 }, () => 0),
    ...Array.from({ length: 5 }, () => 200_000),
  ])
  expect(tools[0]?.content?.cut).toBe(true)
})
