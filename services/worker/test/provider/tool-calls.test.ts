import { describe, expect, test } from 'vitest'
import { delta, DONE, event, read, toolPiece, toolTurn } from './answers.ts'

const EXPR = '{"expression":"6*7"}'
const EXPR2 = '{"expression":"10+5"}'

describe('the tool calls of a streamed answer', () => {
  const ONE = [{ name: 'calculate', arguments: EXPR }]
  const TWO = [...ONE, { name: 'calculate', arguments: EXPR2 }]
  const fn = (name: unknown, args: unknown) => ({ function: { name, arguments: args } })
  test.each<[string, object[], object[]]>([
    [
      'from pieces',
      [
        { index: 0, id: 'a', ...fn('calculate', '') },
        { index: 0, ...fn(undefined, '{"expres') },
        { index: 0, ...fn(undefined, 'sion":"6*7"}') },
      ],
      ONE,
    ],
    [
      'two of them',
      [
        { index: 0, id: 'a', ...fn('calculate', EXPR) },
        { index: 1, id: 'b', ...fn('calculate', EXPR2) },
      ],
      TWO,
    ],
    ['without an index', [{ id: 'a', ...fn('calculate', EXPR) }], ONE],
    [
      'two without an index',
      [
        { id: 'a', ...fn('calculate', EXPR) },
        { id: 'b', ...fn('calculate', EXPR2) },
      ],
      TWO,
    ],
    ['two without an index or an id', [fn('calculate', EXPR), fn('calculate', EXPR2)], TWO],
    [
      'pieces without an index',
      [
        { id: 'a', ...fn('calculate', '') },
        fn(undefined, '{"expres'),
        fn(undefined, 'sion":"6*7"}'),
      ],
      ONE,
    ],
    [
      'with indices from one',
      [
        { index: 1, id: 'a', ...fn('calculate', '{"expres') },
        { index: 1, ...fn(undefined, 'sion":"6*7"}') },
      ],
      ONE,
    ],
    [
      'two under one index',
      [
        { index: 0, id: 'a', ...fn('calculate', EXPR) },
        { index: 0, id: 'b', ...fn('calculate', EXPR2) },
      ],
      TWO,
    ],
    [
      'two under one id',
      [
        { index: 0, id: 'a', ...fn('calculate', EXPR) },
        { index: 1, id: 'a', ...fn('calculate', EXPR2) },
      ],
      TWO,
    ],
    [
      'pieces that alternate',
      [
        { index: 0, id: 'a', ...fn('calculate', '{"expres') },
        { index: 1, id: 'b', ...fn('calculate', EXPR2) },
        { index: 0, ...fn(undefined, 'sion":"6*7"}') },
      ],
      TWO,
    ],
    [
      'with the name in each piece',
      [
        { index: 0, id: 'a', ...fn('calculate', '') },
        { index: 0, id: 'a', ...fn('calculate', '{"expres') },
        { index: 0, id: 'a', ...fn('calculate', 'sion":"6*7"}') },
      ],
      ONE,
    ],
    [
      'with a name in two pieces',
      [
        { index: 0, id: 'a', ...fn('calc', '') },
        { index: 0, ...fn('ulate', EXPR) },
      ],
      ONE,
    ],
    [
      'with a name that grows',
      [
        { index: 0, id: 'a', ...fn('calc', '') },
        { index: 0, ...fn('calculate', EXPR) },
      ],
      ONE,
    ],
    [
      'with a new id in each piece',
      [
        { index: 0, id: 'a', ...fn('calculate', '{"expres') },
        { index: 0, id: 'b', ...fn('', 'sion":"6*7"}') },
      ],
      ONE,
    ],
    ['with a prefix to the name', [{ index: 0, id: 'a', ...fn('functions.calculate', EXPR) }], ONE],
    [
      'with arguments as an object',
      [{ index: 0, id: 'a', ...fn('calculate', { expression: '6*7' }) }],
      ONE,
    ],
    [
      'with all arguments repeated at the end',
      [
        { index: 0, id: 'a', ...fn('calculate', '{"expres') },
        { index: 0, ...fn(undefined, 'sion":"6*7"}') },
        { index: 0, ...fn(undefined, EXPR) },
      ],
      ONE,
    ],
    [
      'with an index as text in some pieces',
      [
        { index: '0', id: 'a', ...fn('calculate', '{"expres') },
        { index: 0, ...fn(undefined, 'sion":"6*7"}') },
      ],
      ONE,
    ],
    [
      'two with ids that are numbers',
      [
        { id: 1, ...fn('calculate', EXPR) },
        { id: 2, ...fn('calculate', EXPR2) },
      ],
      TWO,
    ],
    [
      'with a name that comes late',
      [
        { index: 0, id: 'a', ...fn(null, '') },
        { index: 0, ...fn('calculate', EXPR) },
      ],
      ONE,
    ],
    [
      'with arguments as objects in pieces',
      [
        { index: 0, id: 'a', ...fn('calculate', {}) },
        { index: 0, ...fn(undefined, { expression: '6*7' }) },
      ],
      ONE,
    ],
    [
      'with arguments written as JSON twice',
      [{ index: 0, id: 'a', ...fn('calculate', JSON.stringify(EXPR)) }],
      ONE,
    ],
    [
      'with arguments of null',
      [{ index: 0, id: 'a', ...fn('get_time', 'null') }],
      [{ name: 'get_time', arguments: '' }],
    ],
    [
      'with arguments under the name parameters',
      [{ index: 0, id: 'a', function: { name: 'calculate', parameters: { expression: '6*7' } } }],
      ONE,
    ],
    [
      'with a piece that has a signature alone',
      [
        { index: 0, id: 'a', ...fn('calculate', EXPR) },
        { extra_content: { google: { thought_signature: 's' } } },
      ],
      ONE,
    ],
    [
      'with null in place of pieces',
      [
        { index: 0, id: 'a', ...fn('calculate', null) },
        { index: 0, id: null, ...fn(null, EXPR) },
      ],
      ONE,
    ],
  ])('are assembled in the case: %s', (_title, pieces, expected) => {
    const { answer } = read([toolTurn(...pieces)])
    if (answer.kind !== 'answered') throw new Error(JSON.stringify(answer))
    const { toolCalls } = answer.answer
    expect(toolCalls.map(({ name, arguments: args }) => ({ name, arguments: args }))).toEqual(
      expected,
    )
    expect(new Set(toolCalls.map(({ id }) => id)).size).toBe(expected.length)
    for (const { id } of toolCalls) expect(id).toMatch(/^[\w.:-]+$/)
  })

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

  test.each<[string, string]>([
    [
      'one object in place of a list',
      `${delta({ tool_calls: { id: 'a', ...fn('calculate', EXPR) } })}${delta({}, 'tool_calls')}${DONE}`,
    ],
    [
      'an object by position in place of a list',
      `${delta({ tool_calls: { 0: { id: 'a', ...fn('calculate', EXPR) } } })}${delta({}, 'tool_calls')}${DONE}`,
    ],
    [
      'the old form next to the new one',
      `${delta({ tool_calls: [{ index: 0, id: 'a', ...fn('calculate', EXPR) }], function_call: { name: 'calculate', arguments: EXPR } })}${delta({}, 'tool_calls')}${DONE}`,
    ],
    [
      'the old form next to an empty list',
      `${delta({ tool_calls: [], function_call: { name: 'calculate', arguments: EXPR } })}${delta({}, 'function_call')}${DONE}`,
    ],
    [
      'a list in a list',
      `${delta({ tool_calls: [[{ index: 0, id: 'a', ...fn('calculate', EXPR) }]] })}${delta({}, 'tool_calls')}${DONE}`,
    ],
    [
      'the old form as a text',
      `${delta({ function_call: JSON.stringify({ name: 'calculate', arguments: EXPR }) })}${delta({}, 'function_call')}${DONE}`,
    ],
    [
      'a part of a whole message, as Anthropic writes it',
      JSON.stringify({
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
    ],
    [
      'a part, as Gemini writes it',
      `${delta({ content: [{ functionCall: { name: 'calculate', args: { expression: '6*7' } } }] })}${delta({}, 'stop')}${DONE}`,
    ],
    [
      'a call in a delta and again in the whole message',
      `${toolPiece({ index: 0, id: 'a', ...fn('calculate', EXPR) })}${event({ choices: [{ index: 0, delta: {}, message: { tool_calls: [{ id: 'a', ...fn('calculate', EXPR) }] }, finish_reason: 'tool_calls' }] })}${DONE}`,
    ],
    [
      'text in deltas and a call in the whole message alone',
      `${delta({ content: 'Let me see.' })}${event({ choices: [{ index: 0, message: { content: 'Let me see.', tool_calls: [{ id: 'a', ...fn('calculate', EXPR) }] }, finish_reason: 'tool_calls' }] })}${DONE}`,
    ],
    [
      'a call that ends with stop',
      `${toolPiece({ index: 0, id: 'a', ...fn('calculate', EXPR) })}${delta({}, 'stop')}${DONE}`,
    ],
    [
      'a call next to text',
      `${delta({ content: 'Let me see.', tool_calls: [{ index: 0, id: 'a', ...fn('calculate', EXPR) }] })}${delta({}, 'stop')}${DONE}`,
    ],
  ])('are read as one call from %s', (_title, body) => {
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
