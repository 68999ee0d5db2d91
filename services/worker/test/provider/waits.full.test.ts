import { expect, test } from 'vitest'
import { schema } from '../../src/config.ts'
import { GOOD } from './answers.ts'
import { endpoint, providerAt, runTask } from './support.ts'

/** Waits of real length, with the limits of production. */

const { LLM_SILENCE_TIMEOUT_MS, LLM_FIRST_TOKEN_TIMEOUT_MS, LLM_CALL_TIMEOUT_MS } = schema.parse({
  SERVICE_ID: 'node',
  NATS_URL: 'nats://127.0.0.1:4222',
  REDIS_URL: 'redis://127.0.0.1:6379',
  CONSUL_URL: 'http://127.0.0.1:8500',
})
const PRODUCTION = {
  silenceMs: LLM_SILENCE_TIMEOUT_MS,
  firstTokenMs: LLM_FIRST_TOKEN_TIMEOUT_MS,
  callMs: LLM_CALL_TIMEOUT_MS,
}
/** Milliseconds; usual for a reasoning model. */
const FIRST_TOKEN_AFTER_MS = 90_000
const OK = { kind: 'completed', result: 'The answer is 42.' }

test.concurrent('an LLM call can wait 90 s for its first token, and is paid only once', async () => {
  await using server = await endpoint((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    setTimeout(() => response.end(GOOD), FIRST_TOKEN_AFTER_MS)
  })
  expect((await runTask([providerAt(server.url)], {}, PRODUCTION)).ending).toMatchObject(OK)
  expect(server.seen).toHaveLength(1)
})

test.concurrent('a call does not time out while the provider sends comments for 90 s before its first token', async () => {
  await using server = await endpoint((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const alive = setInterval(() => response.write(': keep-alive\n\n'), 1_000)
    setTimeout(() => {
      clearInterval(alive)
      response.end(GOOD)
    }, FIRST_TOKEN_AFTER_MS)
  })
  expect((await runTask([providerAt(server.url)], {}, PRODUCTION)).ending).toMatchObject(OK)
  expect(server.seen).toHaveLength(1)
})
