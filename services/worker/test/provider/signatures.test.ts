import { describe, expect, test } from 'vitest'
import { delta, DONE, GOOD, read, toolTurn } from './answers.ts'
import { endpoint, providerAt, refuse, runTask, sendEvents, type SeenRequest } from './support.ts'

/** Signatures and reasoning that a model wants back with its own messages, as Gemini and Claude do. */

const OK = { kind: 'completed', result: 'The answer is 42.' }
const CALL = { function: { name: 'calculate', arguments: '{"expression":"6*7"}' } }
const signature = (text: string) => ({ extra_content: { google: { thought_signature: text } } })
const callsOf = (request: SeenRequest | undefined) =>
  (request?.messages ?? []).flatMap(
    ({ tool_calls: calls }) => (calls as Readonly<Record<string, unknown>>[] | undefined) ?? [],
  )

describe('the next request has the signature of the call', () => {
  const first = { index: 0, id: 'call_a', ...CALL }
  test.each<[string, object[], object[]]>([
    ['that came with it', [{ ...first, ...signature('s') }], [signature('s')]],
    ['that came behind it', [first, { index: 0, ...signature('s') }], [signature('s')]],
    [
      'that an empty one follows',
      [
        { ...first, ...signature('s') },
        { index: 0, extra_content: null },
        { index: 0, ...signature('') },
        { index: 0, extra_content: {} },
      ],
      [signature('s')],
    ],
    [
      'that came with the first of two calls',
      [
        { ...first, ...signature('s') },
        { ...first, index: 1, id: 'call_b' },
      ],
      [signature('s'), {}],
    ],
  ])('%s', async (_title, pieces, expected) => {
    await using server = await endpoint((request, response, seen) => {
      if (seen.length === 1) return sendEvents(response, toolTurn(...pieces))
      return sendEvents(response, GOOD)
    })
    expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
    const calls = callsOf(server.seen[1])
    expect(
      calls.map(({ extra_content: extra }) => (extra ? { extra_content: extra } : {})),
    ).toEqual(expected)
  })
})

test('the signature of a message is sent back together with the message', async () => {
  await using server = await endpoint((_request, response, seen) =>
    sendEvents(
      response,
      seen.length > 1 ? GOOD : `${delta({ content: '', ...signature('m') })}${toolTurn(CALL)}`,
    ),
  )
  await runTask([providerAt(server.url)])
  expect(server.seen[1]?.messages[2]).toMatchObject(signature('m'))
})

test('a signature is not sent to another model of the same provider, and the other model gets a placeholder instead', async () => {
  const refusals = [
    'Function call is missing a thought_signature in functionCall parts. Additional data, function call `default_api:calculate` , position 2.',
  ]
  await using server = await endpoint((request, response, seen) => {
    if (seen.length === 1) {
      return sendEvents(response, toolTurn({ id: 'call_a', ...CALL, ...signature('s') }))
    }
    if (request['model'] === 'first') return refuse(response, 503, 'overloaded')
    const [call] = callsOf(request)
    if (call?.['extra_content'] === undefined) return refuse(response, 400, refusals[0] ?? '')
    return sendEvents(response, GOOD)
  })
  const models = { model: 'first', fallbackModels: ['second'] }
  expect((await runTask([providerAt(server.url)], models)).ending).toMatchObject(OK)
  const [without, placeholder] = server.seen.slice(-2).map((request) => callsOf(request)[0])
  expect(without).not.toHaveProperty('extra_content')
  expect(placeholder).toMatchObject(signature('skip_thought_signature_validator'))
})

test.each([
  ['Unable to submit request because Thought signature is not valid.', 'placeholder'],
  ['Corrupted thought signature.', 'placeholder'],
  ['Invalid JSON payload received. Unknown name "extra_content" at \'messages[2]\'', 'none'],
])(
  'a signature that the provider refuses with "%s" is replaced in the next request',
  async (message, replacement) => {
    await using server = await endpoint((request, response, seen) => {
      if (seen.length === 1) {
        return sendEvents(response, toolTurn({ id: 'call_a', ...CALL, ...signature('s') }))
      }
      if (JSON.stringify(request.messages).includes('"thought_signature":"s"')) {
        return refuse(response, 400, message)
      }
      return sendEvents(response, GOOD)
    })
    expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
    expect('extra_content' in (callsOf(server.seen[2])[0] ?? {})).toBe(
      replacement === 'placeholder',
    )
  },
)

test('the id of a tool call that contains a signature is sent back to its provider unchanged', async () => {
  const id = `call_a__thought__${'Ab+/'.repeat(200)}==`
  await using server = await endpoint((_request, response, seen) =>
    sendEvents(response, seen.length > 1 ? GOOD : toolTurn({ index: 0, id, ...CALL })),
  )
  const { ending, journal } = await runTask([providerAt(server.url)])
  expect(ending).toMatchObject(OK)
  const [, , assistant, output] = server.seen[1]?.messages ?? []
  expect(assistant).toMatchObject({ tool_calls: [{ id }] })
  expect(output).toMatchObject({ tool_call_id: id })
  expect(journal[0]?.output).toMatchObject({
    toolCalls: [{ id: expect.stringMatching(/^\w{9}$/) }],
  })
})

test('the streamed pieces of a thinking block are joined to one block with its signature', () => {
  const block = (thinking: string, more: object = {}) =>
    delta({ thinking_blocks: [{ type: 'thinking', thinking, ...more }] })
  const { answer } = read([
    block('I need '),
    block('the tool.', { signature: null }),
    block('', { signature: 'sig' }),
    delta({ thinking_blocks: [{ type: 'redacted_thinking', data: 'x' }] }),
    block('More.'),
    toolTurn({ index: 0, id: 'a', ...CALL }),
    DONE,
  ])
  expect(answer).toMatchObject({
    answer: {
      echo: {
        thinking_blocks: [
          { type: 'thinking', thinking: 'I need the tool.', signature: 'sig' },
          { type: 'redacted_thinking', data: 'x' },
          { type: 'thinking', thinking: 'More.' },
        ],
      },
    },
  })
})

test('field names such as __proto__ in the values that are sent back have no effect', () => {
  const hostile = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'
  const { answer } = read([
    `data: {"choices":[{"delta":{"extra_content":${hostile},"reasoning":${hostile},"tool_calls":[{"name":"calculate","arguments":${hostile},"extra_content":${hostile}},{"index":0,"arguments":${hostile}}]}}]}\n\n`,
    DONE,
  ])
  expect(answer.kind).toBe('answered')
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test.each([
  'Unrecognized key(s) in object: thinking_blocks',
  'messages.1.content.0: Invalid `signature` in `thinking` block',
])('a thinking block that its provider refuses with "%s" is left out', async (message) => {
  const block = { thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 's' }] }
  await using server = await endpoint((request, response, seen) => {
    if (seen.length === 1) return sendEvents(response, `${delta(block)}${toolTurn(CALL)}`)
    if (JSON.stringify(request.messages).includes('thinking_blocks')) {
      return refuse(response, 400, message)
    }
    return sendEvents(response, GOOD)
  })
  expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
  expect(server.seen).toHaveLength(3)
})
