import { expect, test } from 'vitest'
import { CALL, delta, DONE, GOOD, toolTurn, usage } from './answers.ts'
import { endpoint, providerAt, refuse, runTask, sendEvents } from './support.ts'

/** Chains of providers, of which some refuse what others accept. */

const OK = { kind: 'completed', result: 'The answer is 42.' }
const chain = (...urls: string[]) =>
  urls.map((url, at) => providerAt(url, { name: `provider-${at}` }))

test.each<[string, string, number]>([
  ['has no tools', 'registry/gemma does not support tools', 400],
  ['has a shorter context', 'the prompt is too long for this model', 400],
  ['accepts only short requests', 'payload too large', 413],
  ['does not know the schema', 'x is not valid under any of the given schemas', 422],
])('a task goes to the next provider when the first one %s', async (_title, message, status) => {
  await using first = await endpoint((_request, response) => refuse(response, status, message))
  await using second = await endpoint((_request, response) => sendEvents(response, GOOD))
  const { ending } = await runTask(chain(first.url, second.url), { tools: ['calculate'] })
  expect(ending).toMatchObject({ ...OK, by: { provider: 'provider-1' } })
  expect(second.seen).toHaveLength(1)
})

test('a task stays repeatable when a passing failure is followed by a refusal', async () => {
  await using first = await endpoint((_request, response) => refuse(response, 503, 'busy'))
  await using second = await endpoint((_request, response) => refuse(response, 401, 'no key'))
  const { ending } = await runTask(chain(first.url, second.url))
  expect(ending).toMatchObject({ kind: 'failed', failure: { status: 503 } })
})

test('a task fails with the refusal of the preferred provider when all refuse it', async () => {
  await using first = await endpoint((_request, response) =>
    refuse(response, 400, 'bad temperature'),
  )
  await using second = await endpoint((_request, response) => refuse(response, 401, 'no key'))
  const { ending } = await runTask(chain(first.url, second.url))
  expect(ending).toMatchObject({ kind: 'failed', failure: { status: 400 } })
})

test('a withheld answer is asked for only once', async () => {
  await using first = await endpoint((_request, response) =>
    refuse(response, 400, 'Input data may contain inappropriate content.'),
  )
  await using second = await endpoint((_request, response) => sendEvents(response, GOOD))
  const { ending } = await runTask(chain(first.url, second.url))
  expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'withheld' } })
  expect(second.seen).toHaveLength(0)
})

test('an error within an answer with status 200 teaches by its field, as a refusal does', async () => {
  await using server = await endpoint((request, response) => {
    const error = { message: 'Unsupported', param: 'temperature', code: 'unsupported_parameter' }
    const refused = request['temperature'] !== undefined
    return sendEvents(response, refused ? `data: ${JSON.stringify({ error })}\n\n` : GOOD)
  })
  const { ending } = await runTask([providerAt(server.url)], { sampling: { temperature: 0.3 } })
  expect(ending).toMatchObject(OK)
  expect(server.seen).toHaveLength(2)
})

test('thoughts in tags go back to their model with the tool call that followed them', async () => {
  await using server = await endpoint((_request, response, seen) =>
    sendEvents(
      response,
      seen.length > 1
        ? GOOD
        : `${delta({ content: '<think>hm</think>\n' })}${delta({ tool_calls: [CALL] }, 'tool_calls')}${usage()}${DONE}`,
    ),
  )
  expect((await runTask([providerAt(server.url)])).ending).toMatchObject(OK)
  expect(server.seen[1]?.messages[2]).toMatchObject({
    content: expect.stringContaining('<think>hm</think>'),
  })
  expect(JSON.stringify(server.seen[1])).not.toContain('thoughts_in_content')
})

test.each([
  ['late is not repeated at once', 2_200, 2],
  ['at once is repeated once', 0, 3],
])('a call on a reused connection that the server resets %s', async (_title, afterMs, requests) => {
  await using server = await endpoint((_request, response, seen) => {
    if (seen.length === 1) return sendEvents(response, toolTurn(CALL))
    return void setTimeout(() => response.socket?.resetAndDestroy(), afterMs)
  })
  const { ending } = await runTask([providerAt(server.url)])
  expect(ending).toMatchObject({ kind: 'failed', failure: { kind: 'connection' } })
  expect(server.seen).toHaveLength(requests)
})
