import { describe, expect, test } from 'vitest'
import { delta, DONE, GOOD, toolTurn, usage } from './answers.ts'
import { endpoint, providerAt, refuse, runTask, sendEvents } from './support.ts'

/** The behaviour of endpoints beyond one answer: refusals, connections, changes of the provider. */

const CALL = { function: { name: 'calculate', arguments: '{"expression":"6*7"}' } }
const SCHEMA = {
  type: 'object',
  properties: { answer: { type: 'integer' } },
  required: ['answer'],
  additionalProperties: false,
}
const JSON_ANSWER = `${delta({ content: '{"answer":42}' })}${delta({}, 'stop')}${usage()}${DONE}`
const OK = { kind: 'completed', result: 'The answer is 42.' }

describe('the request of a node', () => {
  test('sends no half of a surrogate pair, which the provider would refuse with the whole request', async () => {
    await using server = await endpoint((_request, response) => sendEvents(response, GOOD))
    const task = `a cut \ud83d, a whole 😀 and the text \\ud83d`
    expect((await runTask([providerAt(server.url)], { task })).ending).toMatchObject(OK)
    expect(server.seen[0]?.messages.at(-1)).toMatchObject({
      content: expect.stringContaining('a cut \uFFFD, a whole 😀 and the text \\ud83d'),
    })
  })
})

describe('a node whose request is refused', () => {
  test.each<[string, number, string]>([
    ['stream_options', 422, 'Extra inputs are not permitted: body.stream_options'],
    ['stream_options', 400, 'Unknown field in request'],
    ['temperature', 400, "Unsupported value: 'temperature' does not support 0.3 with this model."],
    ['reasoning_effort', 400, 'Unrecognized request argument supplied: reasoning_effort'],
    ['max_completion_tokens', 400, 'Unknown parameter: max_completion_tokens. Use max_tokens.'],
    ['tools', 400, 'registry/model does not support tools'],
    ['stream', 400, 'Streaming is not supported for this model'],
  ])(
    'omits the field from then on: %s, refused with %i and the text "%s"',
    async (field, status, message) => {
      await using server = await endpoint((request, response) => {
        if (request[field] !== undefined) return refuse(response, status, message)
        if (request['stream'] === true) return sendEvents(response, GOOD)
        response.writeHead(200, { 'content-type': 'application/json' })
        const said = { index: 0, message: { content: 'The answer is 42.' }, finish_reason: 'stop' }
        response.end(JSON.stringify({ choices: [said] }))
      })
      const asked = {
        sampling: { temperature: 0.3, reasoningEffort: 'low' as const },
        maxOutputTokens: 50,
      }
      const { ending } = await runTask([providerAt(server.url)], asked)
      expect(ending).toMatchObject(OK)
      expect(server.seen).toHaveLength(2)
    },
  )

  test('moves a refused system message into the first user message', async () => {
    await using server = await endpoint((request, response) => {
      if (request.messages.some(({ role }) => role === 'system')) {
        return refuse(response, 400, "messages[0].role: 'system' is not supported with this model")
      }
      return sendEvents(response, GOOD)
    })
    expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
    expect(server.seen[1]?.messages).toHaveLength(1)
  })

  test('asks for JSON first without a schema, and after another refusal only in the prompt', async () => {
    await using server = await endpoint((request, response) => {
      if (request['response_format'] === undefined) return sendEvents(response, JSON_ANSWER)
      return refuse(response, 400, 'This response_format type is unavailable now')
    })
    const { ending } = await runTask([providerAt(server.url)], { responseSchema: SCHEMA })
    expect(ending).toMatchObject({ kind: 'completed', result: { answer: 42 } })
    expect(server.seen).toHaveLength(3)
  })

  test('accepts a refusal that mentions no field of the request as final', async () => {
    await using server = await endpoint((_request, response) =>
      refuse(response, 400, "This model's maximum context length is 8192 tokens."),
    )
    const { ending } = await runTask([providerAt(server.url)])
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'status', status: 400 } })
    expect(server.seen).toHaveLength(1)
  })

  test('never omits a tool that the task lists', async () => {
    await using server = await endpoint((_request, response) =>
      refuse(response, 400, 'this model does not support tools'),
    )
    const { ending } = await runTask([providerAt(server.url)], { tools: ['calculate'] })
    expect(ending).toMatchObject({
      kind: 'failed',
      failure: { message: expect.stringContaining('tools') },
    })
    expect(server.seen).toHaveLength(1)
  })
})

describe('sampling parameters', () => {
  test('are sent to the provider under the names of its API', async () => {
    await using server = await endpoint((_request, response) => sendEvents(response, GOOD))
    const sampling = {
      temperature: 0.2,
      topP: 0.9,
      stop: ['END'],
      seed: 7,
      reasoningEffort: 'high' as const,
      verbosity: 'low' as const,
    }
    await runTask([providerAt(server.url)], { sampling })
    expect(server.seen[0]).toMatchObject({
      temperature: 0.2,
      top_p: 0.9,
      stop: ['END'],
      seed: 7,
      reasoning_effort: 'high',
      verbosity: 'low',
    })
  })
})

describe('a connection to a provider', () => {
  test('that stays open after a complete answer does not delay the run', async () => {
    await using server = await endpoint((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(GOOD)
    })
    expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
  })

  test('that stays open after a finish reason delays the run only for a moment', async () => {
    await using server = await endpoint((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(GOOD.replace(DONE, ''))
    })
    expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
  })

  test('that fails after a complete answer does not lose text', async () => {
    await using server = await endpoint((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(GOOD, () => response.socket?.destroy())
    })
    expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
    expect(server.seen).toHaveLength(1)
  })

  test('with an event that never ends causes one failure and does not harm the process', async () => {
    await using server = await endpoint((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(delta({ content: 'x'.repeat(6_000_000) }))
    })
    const { ending } = await runTask([providerAt(server.url)])
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'output-too-large' } })
    expect(server.seen).toHaveLength(1)
  })
})

describe('a run that continues after the answer of another provider', () => {
  test('does not send ids, reasoning and signatures of a provider to another provider', async () => {
    const reasoning = { reasoning_content: 'I need the tool.' }
    await using first = await endpoint((_request, response, seen) => {
      if (seen.length > 1) return refuse(response, 503, 'overloaded')
      const piece = {
        index: 0,
        id: 'call_with_a_long_id',
        extra_content: { google: { thought_signature: 's' } },
        ...CALL,
      }
      return sendEvents(response, `${delta(reasoning)}${toolTurn(piece)}`)
    })
    await using second = await endpoint((request, response) => {
      const ids = request.messages.flatMap(
        ({ tool_calls: calls }) => (calls as { id: string }[] | undefined) ?? [],
      )
      if (ids.some(({ id }) => !/^[a-zA-Z0-9]{9}$/.test(id))) {
        return refuse(response, 400, 'Tool call id must be a-z, A-Z, 0-9, with a length of 9.')
      }
      if (/reasoning|signature/.test(JSON.stringify(request.messages))) {
        return refuse(response, 400, "property 'reasoning_content' is unsupported")
      }
      if (request['stream_options'] !== undefined) {
        return refuse(response, 422, 'Extra inputs are not permitted: stream_options')
      }
      return sendEvents(response, GOOD)
    })
    const { ending, journal } = await runTask([
      providerAt(first.url),
      providerAt(second.url, { name: 'second' }),
    ])
    expect(ending).toMatchObject({ ...OK, by: { provider: 'second' } })
    expect(journal.map(({ kind }) => kind)).toEqual(['llm', 'tool'])
    const [assistant, output] = second.seen.at(-1)?.messages.slice(2) ?? []
    const [call] = (assistant?.['tool_calls'] as { id: string }[] | undefined) ?? []
    expect(output?.['tool_call_id']).toBe(call?.id)
  })

  test('sends reasoning and signature back to the same provider', async () => {
    const extra = { google: { thought_signature: 's' } }
    await using server = await endpoint((_request, response, seen) =>
      sendEvents(
        response,
        seen.length > 1
          ? GOOD
          : `${delta({ reasoning_content: 'hm' })}${toolTurn({ index: 0, id: 'call_a', extra_content: extra, ...CALL })}`,
      ),
    )
    await runTask([providerAt(server.url)])
    expect(server.seen[1]?.messages[2]).toMatchObject({
      reasoning_content: 'hm',
      tool_calls: [{ id: 'call_a', extra_content: extra }],
    })
  })
})

describe('an answer with status 429 closes its model or its key', () => {
  test('so that another model of the same key is still called', async () => {
    await using server = await endpoint((request, response) => {
      if (request['model'] !== 'busy') return sendEvents(response, GOOD)
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '999999' })
      return response.end('{"error":{"message":"Rate limit reached for busy"}}')
    })
    const provider = providerAt(server.url)
    const { ending } = await runTask([provider], { model: 'busy' })
    // A pause of days is cut to minutes, and the run waits without a slot.
    if (ending.kind !== 'paused' || ending.wait.kind !== 'time') throw new Error(ending.kind)
    expect(ending.wait.untilMs - Date.now()).toBeLessThanOrEqual(310_000)
    expect((await runTask([provider], { model: 'idle' })).ending).toMatchObject(OK)
  })
})
