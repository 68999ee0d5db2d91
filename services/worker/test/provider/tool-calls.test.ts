import { describe, expect, test } from 'vitest'
import { delta, DONE, event, read, toolPiece, toolTurn } from './answers.ts'

const EXPR = '{"expression":"6*7"}'

describe('the tool calls of a streamed answer', () => {
  const ONE = [{ name: 'calculate', arguments: EXPR }]
  const fn = (name: unknown, args: unknown) => ({ function: { name, arguments: args } })

  test('get an id of nine letters or digits when the id is missing', () => {
    const { answer } = read([toolTurn({ index: 0, ...fn('calculate', EXPR) })])
    expect(answer).toMatchObject({
      answer: { toolCalls: [{ id: expect.stringMatching(/^[a-z0-9]{9}$/) }] },
    })
  })

  test('keep the reasoning and the signature that their provider requires in the next request', () => {
    const { answer } = read([
      delta({ reasoning_content: 'I need ' }),
      delta({ reasoning_content: 'the tool.' }),
      toolPiece({
        index: 0,
        id: 'a',
        extra_content: { google: { thought_signature: 's' } },
        ...fn('calculate', EXPR),
      }),
      delta({}, 'tool_calls'),
      DONE,
    ])
    expect(answer).toMatchObject({
      answer: {
        echo: { reasoning_content: 'I need the tool.' },
        toolCalls: [{ extra: { google: { thought_signature: 's' } } }],
      },
    })
  })

  const CALLS = {
    'one object in place of a list': `${delta({ tool_calls: { id: 'a', ...fn('calculate', EXPR) } })}${delta({}, 'tool_calls')}${DONE}`,
    'an object by position in place of a list': `${delta({ tool_calls: { 0: { id: 'a', ...fn('calculate', EXPR) } } })}${delta({}, 'tool_calls')}${DONE}`,
    'the old form next to the new one': `${delta({ tool_calls: [{ index: 0, id: 'a', ...fn('calculate', EXPR) }], function_call: { name: 'calculate', arguments: EXPR } })}${delta({}, 'tool_calls')}${DONE}`,
    'the old form next to an empty list': `${delta({ tool_calls: [], function_call: { name: 'calculate', arguments: EXPR } })}${delta({}, 'function_call')}${DONE}`,
    'a list in a list': `${delta({ tool_calls: [[{ index: 0, id: 'a', ...fn('calculate', EXPR) }]] })}${delta({}, 'tool_calls')}${DONE}`,
    'the old form as a text': `${delta({ function_call: JSON.stringify({ name: 'calculate', arguments: EXPR }) })}${delta({}, 'function_call')}${DONE}`,
    'a part of a whole message, as Anthropic writes it': JSON.stringify({
      choices: [
        {
          message: {
            content: [
              { type: 'text', text: 'Let me see.' },
              { type: 'tool_use', id: 'a', name: 'calculate', input: { expression: '6*7' } },
            ],
          },
          finish_reason: 'tool_use',
        },
      ],
    }),
    'a part, as Gemini writes it': `${delta({ content: [{ functionCall: { name: 'calculate', args: { expression: '6*7' } } }] })}${delta({}, 'stop')}${DONE}`,
    'a call in a delta and again in the whole message': `${toolPiece({ index: 0, id: 'a', ...fn('calculate', EXPR) })}${event({ choices: [{ index: 0, delta: {}, message: { tool_calls: [{ id: 'a', ...fn('calculate', EXPR) }] }, finish_reason: 'tool_calls' }] })}${DONE}`,
    'text in deltas and a call in the whole message alone': `${delta({ content: 'Let me see.' })}${event({ choices: [{ index: 0, message: { content: 'Let me see.', tool_calls: [{ id: 'a', ...fn('calculate', EXPR) }] }, finish_reason: 'tool_calls' }] })}${DONE}`,
    'a call that ends with stop': `${toolPiece({ index: 0, id: 'a', ...fn('calculate', EXPR) })}${delta({}, 'stop')}${DONE}`,
    'a call next to text': `${delta({ content: 'Let me see.', tool_calls: [{ index: 0, id: 'a', ...fn('calculate', EXPR) }] })}${delta({}, 'stop')}${DONE}`,
  }
  test.each(Object.entries(CALLS))('are read as one call from %s', (_title, body) => {
    const { answer } = read([body])
    if (answer.kind !== 'answered') throw new Error(JSON.stringify(answer))
    const calls = answer.answer.toolCalls.map(({ name, arguments: args }) => ({
      name,
      arguments: args,
    }))
    expect(calls).toEqual(ONE)
  })

  test('make the answer a failure when there are too many of them', () => {
    const many = Array.from({ length: 300 }, (_, index) => toolPiece({ index, ...fn('', '') }))
    expect(read([...many, DONE]).answer).toMatchObject({ failure: { kind: 'output-too-large' } })
  })

  test('make the answer a failure when their arguments or signatures are nested too deep', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    for (const name of ['extra_content', 'arguments']) {
      const body = `data: {"choices":[{"delta":{"tool_calls":[{"name":"x","${name}":${deep}}]}}]}\n\n`
      expect(read([body]).answer).toMatchObject({ failure: { kind: 'malformed' } })
    }
  })

  test('are read from the old form of a single function call', () => {
    const { answer } = read([
      delta({ function_call: { name: 'calculate', arguments: EXPR } }),
      delta({}, 'function_call'),
      DONE,
    ])
    expect(answer).toMatchObject({ answer: { toolCalls: ONE } })
  })
})
