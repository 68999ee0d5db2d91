import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { CALL, delta, DONE, event, GOOD, usage } from './answers.ts'
import { endpoint, providerAt, refuse, runTask, sendEvents } from './support.ts'

/** What a node does about refusals: what it asks again, and whom it asks next. */

const OK = { kind: 'completed', result: 'The answer is 42.' }

describe('a node that learns from refusals', () => {
  test('learns no restriction from a request that is refused in every form', async () => {
    await using server = await endpoint((request, response) => {
      const bad = request.messages.some(({ content }) => content === 'bad')
      return bad
        ? refuse(response, 400, 'the tools here are not supported by that')
        : sendEvents(response, GOOD)
    })
    const provider = providerAt(server.url)
    const { ending } = await runTask([provider], { task: 'bad' })
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'status', status: 400 } })
    expect((await runTask([provider], { task: 'good' })).ending).toMatchObject(OK)
    expect(server.seen.at(-1)?.['tools']).toBeDefined()
  })

  test('omits two refused fields one after another, and omits both from the start in later requests', async () => {
    const calls = 'stream_options temperature'.split(' ')
    await using server = await endpoint((request, response) => {
      const refused = calls.find((name) => request[name] !== undefined)
      if (refused !== undefined) return refuse(response, 400, `Unknown parameter: ${refused}`)
      if (request.messages.some(({ role }) => role === 'tool')) return sendEvents(response, GOOD)
      return sendEvents(response, `${delta({ tool_calls: [CALL] }, 'tool_calls')}${usage()}${DONE}`)
    })
    const { ending } = await runTask([providerAt(server.url)], { sampling: { temperature: 0.3 } })
    expect(ending).toMatchObject(OK)
    expect(server.seen).toHaveLength(4)
  })

  test('does not apply a defect of one schema to other tasks', async () => {
    await using server = await endpoint((request, response) => {
      const format = request['response_format'] as { type: string } | undefined
      const odd = JSON.stringify(format ?? '').includes('odd')
      if (odd) return refuse(response, 400, "Invalid schema for response_format 'answer'")
      return sendEvents(
        response,
        `${delta({ content: '{"odd":1,"even":2}' }, 'stop')}${usage()}${DONE}`,
      )
    })
    const provider = providerAt(server.url)
    for (const name of ['odd', 'even']) {
      const responseSchema = { type: 'object', properties: { [name]: { type: 'integer' } } }
      const { ending } = await runTask([provider], { responseSchema })
      expect(ending).toMatchObject({ kind: 'completed' })
    }
    expect(server.seen.at(-1)?.['response_format']).toMatchObject({ type: 'json_schema' })
  })

  test('does not repeat a request whose answer has begun', async () => {
    const error = { error: { code: 400, message: 'Unknown parameter: stream_options' } }
    await using server = await endpoint((_request, response) =>
      sendEvents(response, `${delta({ content: 'The' })}${event(error)}`),
    )
    const { ending } = await runTask([providerAt(server.url)])
    expect(ending).toMatchObject({ kind: 'failed', failure: { status: 400 } })
    expect(server.seen).toHaveLength(1)
  })

  test('sends a prompt that is too long only once', async () => {
    await using server = await endpoint((_request, response) =>
      refuse(
        response,
        400,
        "This model's maximum context length is 10 tokens; reduce max_tokens, tools or response_format.",
      ),
    )
    const { ending } = await runTask([providerAt(server.url)], { maxOutputTokens: 50 })
    expect(ending).toMatchObject({ kind: 'failed', failure: { status: 400 } })
    expect(server.seen).toHaveLength(1)
  })
})

describe("the HTTP status of a provider's answer", () => {
  test.each([
    301, 302, 307, 401, 402, 403, 404, 405, 408, 409, 425, 498, 499, 500, 502, 503, 520, 521, 522,
    523, 524, 525, 526, 527, 529, 530,
  ])('is %i, and the call goes to the next provider', async (status) => {
    await using first = await endpoint((_request, response) => {
      response.writeHead(status, { location: 'http://127.0.0.1:9/login' })
      response.end('<html>no</html>')
    })
    await using second = await endpoint((_request, response) => sendEvents(response, GOOD))
    const { ending } = await runTask([
      providerAt(first.url),
      providerAt(second.url, { name: 'second' }),
    ])
    expect(ending).toMatchObject({ ...OK, by: { provider: 'second' } })
    expect(first.seen).toHaveLength(1)
  })

  test.each([400, 413, 418, 422, 431, 451])(
    'is %i, and the call fails after one request',
    async (status) => {
      await using server = await endpoint((_request, response) => {
        response.writeHead(status)
        response.end()
      })
      const { ending } = await runTask([providerAt(server.url)])
      expect(ending).toMatchObject({ kind: 'failed' })
      expect(server.seen).toHaveLength(1)
    },
  )

  test('is a redirect, and the error contains the target of the redirect', async () => {
    await using server = await endpoint((_request, response) => {
      response.writeHead(308, { location: 'https://elsewhere.example/v1' })
      response.end()
    })
    const { ending } = await runTask([providerAt(server.url)])
    expect(ending).toMatchObject({
      failure: { status: 308, message: expect.stringContaining('https://elsewhere.example/v1') },
    })
  })

  test('is 204 without a body, and the call fails with an error code', async () => {
    await using server = await endpoint((_request, response) => {
      response.writeHead(204)
      response.end()
    })
    const { ending } = await runTask([providerAt(server.url)])
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'connection' } })
  })

  test.each<[string, (response: ServerResponse) => void]>([
    [
      'that breaks off',
      (response) =>
        void response.write('{"error":{"message":"no', () => response.socket?.destroy()),
    ],
    ['that never ends', (response) => void response.write('{"error":{"message":"no"}}')],
    [
      'of ten megabytes',
      (response) => void response.end(`{"error":{"message":"${'<'.repeat(10_000_000)}"}}`),
    ],
  ])('is kept in the error even if the error has a body %s', async (_title, send) => {
    await using server = await endpoint((_request, response) => {
      response.writeHead(400, { 'content-type': 'application/json' })
      send(response)
    })
    const { ending } = await runTask([providerAt(server.url)])
    expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'status', status: 400 } })
    expect(server.seen).toHaveLength(1)
  })
})
