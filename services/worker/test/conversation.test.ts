import type { JournaledCall, TaskSpec } from '@agentfleet/domain'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addAnswer,
  addToolOutput,
  openConversation,
  replayConversation,
  type Conversation,
} from '../src/conversation.ts'

const SPEC: TaskSpec = {
  task: 'add things up',
  agent: 'accountant',
  model: 'sim',
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  timeoutMs: 60_000,
  maxAttempts: 3,
}
const USAGE = { inputTokens: 3, outputTokens: 2, llmCalls: 1 }
const NONE = { inputTokens: 0, outputTokens: 0, llmCalls: 0 }

describe('openConversation', () => {
  test('names the role, then what the user asked', () => {
    expect(openConversation(SPEC).messages).toEqual([
      { role: 'system', content: 'You are the agent "accountant".' },
      { role: 'user', content: 'add things up' },
    ])
  })

  test('puts the system prompt after the role and the context after the task', () => {
    const spec = { ...SPEC, systemPrompt: 'Be brief.', context: { total: 3 } }
    expect(openConversation(spec).messages.map((message) => message.content)).toEqual([
      'You are the agent "accountant".\n\nBe brief.',
      'add things up\n\nContext:\n{"total":3}',
    ])
  })
})

describe('replayConversation', () => {
  test('without a journal is the opening', () => {
    expect(replayConversation(SPEC, [])).toEqual(openConversation(SPEC))
  })

  test('goes on with the tool call that has no output yet', () => {
    const toolCalls = [
      { id: 'a', name: 'calculate', arguments: '{}' },
      { id: 'b', name: 'calculate', arguments: '{}' },
    ]
    const talk = replayConversation(SPEC, [
      { step: 1, kind: 'tool', name: 'calculate', output: { id: 'a', text: '1' }, usage: NONE },
      { step: 0, kind: 'llm', name: 'sim', output: { text: '', toolCalls }, usage: USAGE },
    ])
    expect(talk).toMatchObject({ step: 2, turns: 1, pending: [{ id: 'b' }], usage: USAGE })
    expect(talk.messages.slice(2).map((message) => message.role)).toEqual(['assistant', 'tool'])
  })

  test('leaves one of two calls with the same id pending', () => {
    const call = { id: 'a', name: 'calculate', arguments: '{}' }
    const talk = addAnswer(openConversation(SPEC), { text: '', toolCalls: [call, call] }, USAGE)
    expect(addToolOutput(talk, 'a', '1').pending).toHaveLength(1)
  })

  test('finds the result in an answer that wants no tools', () => {
    const output = { text: 'done', toolCalls: [] }
    const talk = replayConversation(SPEC, [
      { step: 0, kind: 'llm', name: 'sim', output, usage: USAGE },
    ])
    expect(talk).toMatchObject({ answer: 'done', pending: [], turns: 1 })
  })

  test('refuses a journal it cannot read', () => {
    const broken: JournaledCall = { step: 0, kind: 'llm', name: 'sim', output: 'x', usage: USAGE }
    expect(() => replayConversation(SPEC, [broken])).toThrow()
  })

  test('at any point of any run is where that run was (L3)', () => {
    const turns = fc.array(fc.array(fc.string(), { minLength: 1, maxLength: 3 }), { maxLength: 5 })
    fc.assert(
      fc.property(turns, fc.nat(), (outputs, cut) => {
        const { journal, talks } = live(outputs)
        const at = cut % talks.length
        expect(replayConversation(SPEC, journal.slice(0, at))).toEqual(talks[at])
      }),
    )
  })
})

/** A run whose turns call one tool for each given output; the talk after each journal entry. */
function live(outputs: readonly (readonly string[])[]) {
  const journal: JournaledCall[] = []
  let talk = openConversation(SPEC)
  const talks: Conversation[] = [talk]
  for (const [turn, texts] of outputs.entries()) {
    const toolCalls = texts.map((_text, index) => ({
      id: `${turn}-${index}`,
      name: 'calculate',
      arguments: '{}',
    }))
    journal.push({
      step: talk.step,
      kind: 'llm',
      name: 'sim',
      output: { text: '', toolCalls },
      usage: USAGE,
    })
    talk = addAnswer(talk, { text: '', toolCalls }, USAGE)
    talks.push(talk)
    for (const [index, text] of texts.entries()) {
      const output = { id: `${turn}-${index}`, text }
      journal.push({ step: talk.step, kind: 'tool', name: 'calculate', output, usage: NONE })
      talk = addToolOutput(talk, output.id, text)
      talks.push(talk)
    }
  }
  return { journal, talks }
}
