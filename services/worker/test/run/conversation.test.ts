import { createAnswerChecks } from '@agentfleet/answer-schema'
import type { JournaledCall, TaskSpec } from '@agentfleet/domain'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addToolOutput,
  hearAnswer,
  openConversation,
  replayConversation,
  type Conversation,
} from '../../src/run/conversation.ts'

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
const ANY_ANSWER = { check: undefined, repairsMax: 0 }
const NONE = { inputTokens: 0, outputTokens: 0, llmCalls: 0 }

describe('the first messages of a conversation', () => {
  test('contain the role of the agent and then the text of the task', () => {
    expect(openConversation(SPEC).messages).toEqual([
      { role: 'system', content: 'You are the agent "accountant".' },
      { role: 'user', content: 'add things up' },
    ])
  })

  test('contain the system prompt after the role and the context after the task', () => {
    const spec = { ...SPEC, systemPrompt: 'Be brief.', context: { total: 3 } }
    expect(openConversation(spec).messages.map((message) => message.content)).toEqual([
      'You are the agent "accountant".\n\nBe brief.',
      'add things up\n\nContext:\n{"total":3}',
    ])
  })
})

describe('replaying a conversation from the journal', () => {
  test('returns the first messages when the journal is empty', async () => {
    expect(await replayConversation(SPEC, [], ANY_ANSWER)).toEqual(openConversation(SPEC))
  })

  test('continues with the tool call that has no output yet', async () => {
    const toolCalls = [
      { id: 'a', name: 'calculate', arguments: '{}' },
      { id: 'b', name: 'calculate', arguments: '{}' },
    ]
    const talk = await replayConversation(
      SPEC,
      [
        { step: 1, kind: 'tool', name: 'calculate', output: { id: 'a', text: '1' }, usage: NONE },
        { step: 0, kind: 'llm', name: 'sim', output: { text: '', toolCalls }, usage: USAGE },
      ],
      ANY_ANSWER,
    )
    expect(talk).toMatchObject({ step: 3, turns: 1, pending: [{ id: 'b', step: 2 }], usage: USAGE })
    expect(talk.messages.slice(2).map((message) => message.role)).toEqual(['assistant', 'tool'])
  })

  test('keeps one of two tool calls with the same id pending if only the other call has an output', async () => {
    const call = { id: 'a', name: 'calculate', arguments: '{}' }
    const answer = { text: '', toolCalls: [call, call] }
    const talk = await hearAnswer(openConversation(SPEC), answer, USAGE, ANY_ANSWER)
    expect(addToolOutput(talk, 'a', { text: '1', error: false }).pending).toHaveLength(1)
  })

  test('finds the result in an answer that requests no tools', async () => {
    const output = { text: 'done', toolCalls: [] }
    const talk = await replayConversation(
      SPEC,
      [{ step: 0, kind: 'llm', name: 'sim', output, usage: USAGE }],
      ANY_ANSWER,
    )
    expect(talk).toMatchObject({ result: 'done', pending: [], turns: 1 })
  })

  test('fails for a journal that it cannot read', async () => {
    const broken: JournaledCall = { step: 0, kind: 'llm', name: 'sim', output: 'x', usage: USAGE }
    await expect(replayConversation(SPEC, [broken], ANY_ANSWER)).rejects.toThrow()
  })

  test('restores the state of any run at any point of the journal (L3)', async () => {
    const turns = fc.array(fc.array(fc.string(), { minLength: 1, maxLength: 3 }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(turns, fc.nat(), async (outputs, cut) => {
        const { journal, talks } = await live(outputs)
        const at = cut % talks.length
        expect(await replayConversation(SPEC, journal.slice(0, at), ANY_ANSWER)).toEqual(talks[at])
      }),
    )
  })
})

describe('an answer with a schema', () => {
  const spec = { ...SPEC, responseSchema: { type: 'object', required: ['total'] } }
  const checks = createAnswerChecks()
  const check = (text: string) => checks.check(spec.responseSchema, text, 'a')
  const rule = { check, repairsMax: 2 }
  const say = (talk: Conversation, text: string) =>
    hearAnswer(talk, { text, toolCalls: [] }, USAGE, rule)

  test('is described in the first messages of the conversation', () => {
    expect(openConversation(spec).messages[0]?.content).toContain('"required":["total"]')
  })

  test('is parsed as JSON, and the parsed value is the result', async () => {
    expect((await say(openConversation(spec), '{"total":1}')).result).toEqual({ total: 1 })
  })

  test('is requested again with a list of its defects, as often as the rule allows', async () => {
    const once = await say(openConversation(spec), '{}')
    expect(once).toMatchObject({ result: undefined, givenUp: undefined, repairs: 1, pending: [] })
    expect(once.messages.at(-1)).toMatchObject({
      role: 'user',
      content: expect.stringContaining("must have required property 'total'"),
    })
    const twice = await say(once, 'no')
    expect(twice.messages.at(-1)?.content).toContain('not JSON')
    const thrice = await say(twice, '{}')
    expect(thrice).toMatchObject({ result: undefined, repairs: 2, turns: 3 })
    expect(thrice.givenUp).toEqual([expect.stringContaining('total')])
    expect(thrice.messages.at(-1)?.role).toBe('assistant')
  })

  test('is requested in the same words after a crash (L3)', async () => {
    const texts = ['{}', 'no', '{"total":1}']
    let talk = openConversation(spec)
    const journal: JournaledCall[] = []
    for (const text of texts) {
      const output = { text, toolCalls: [] }
      journal.push({ step: talk.step, kind: 'llm', name: 'sim', output, usage: USAGE })
      talk = await say(talk, text)
      expect(await replayConversation(spec, journal, rule)).toEqual(talk)
    }
  })
})

describe('failed tool calls', () => {
  const call = { id: 'a', name: 'calculate', arguments: '{}' }
  const turn = async (talk: Conversation, error: boolean) => {
    const heard = await hearAnswer(talk, { text: '', toolCalls: [call] }, USAGE, ANY_ANSWER)
    return addToolOutput(heard, 'a', { text: '', error })
  }

  test('are counted until one succeeds, even when they come from the journal', async () => {
    const wrong = await turn(await turn(openConversation(SPEC), true), true)
    expect(wrong).toMatchObject({ toolCalls: 2, toolErrors: 2 })
    expect(await turn(wrong, false)).toMatchObject({ toolCalls: 3, toolErrors: 0 })
    const output = { text: '', toolCalls: [call] }
    const replayed = await replayConversation(
      SPEC,
      [
        { step: 0, kind: 'llm', name: 'sim', output, usage: USAGE },
        {
          step: 1,
          kind: 'tool',
          name: 'calculate',
          output: { id: 'a', text: '', error: true },
          usage: NONE,
        },
      ],
      ANY_ANSWER,
    )
    expect(replayed).toMatchObject({ toolCalls: 1, toolErrors: 1 })
  })
})

/** A run whose turns call one tool for each given output; returns the conversation after each journal entry. */
async function live(outputs: readonly (readonly string[])[]) {
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
    talk = await hearAnswer(talk, { text: '', toolCalls }, USAGE, ANY_ANSWER)
    talks.push(talk)
    const first = talk.step - texts.length
    for (const [index, text] of texts.entries()) {
      const output = { id: `${turn}-${index}`, text }
      journal.push({ step: first + index, kind: 'tool', name: 'calculate', output, usage: NONE })
      talk = addToolOutput(talk, output.id, { text, error: false })
      talks.push(talk)
    }
  }
  return { journal, talks }
}
