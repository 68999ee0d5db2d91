/** Streams that NATS loses while a gateway runs; a coordinator makes them again. */
import { provisionStreams } from '@agentfleet/adapters'
import { STREAMS, type KeyCreated } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { eventually, STREAM_SIZES } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from './support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const SCHEDULE = { cron: '0 9 * * *', task: { task: 'report' } }
const RETRY_DETAIL = 'Nothing was changed. Send the request again after Retry-After seconds.'
/** A reader looks at its stream every two seconds, on a busy machine later, milliseconds. */
const SOON_MS = 20_000
const log = createLogger({ service: 'test', id: 'test', level: 'silent' })

let bench: GatewayBench
beforeAll(async () => {
  bench = await setup({ ADMIN_KEY: ADMIN })
})
afterAll(() => bench[Symbol.asyncDispose]())

async function send(method: string, path: string, body?: object, key = ADMIN) {
  const answer = await fetch(`${bench.gateway.url()}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
}

async function lose(stream: string): Promise<void> {
  const manager = await bench.bus.nats.jetstreamManager()
  await manager.streams.delete(stream)
}

/** What a coordinator does when it sees that streams are missing. */
const repair = () => provisionStreams(bench.bus, STREAM_SIZES, log)

async function makeKey(): Promise<KeyCreated> {
  const made = await send('POST', '/v1/keys', { name: 'k', tenant: 'acme', scopes: ['tasks:read'] })
  expect(made.status).toBe(201)
  return made.body as KeyCreated
}

test.each([
  [STREAMS.schedules, 'PUT', '/v1/schedules/nightly', SCHEDULE, 201],
  [STREAMS.schedules, 'GET', '/v1/schedules/nightly', undefined, 404],
  [STREAMS.agents, 'PUT', '/v1/agents/writer', { role: 'writer' }, 201],
  [STREAMS.keys, 'POST', '/v1/keys', { name: 'k', tenant: 'acme', scopes: ['tasks:read'] }, 201],
  [STREAMS.audit, 'GET', '/v1/audit', undefined, 200],
  [STREAMS.log, 'POST', '/v1/tasks', { task: 'x', idempotencyKey: 'once' }, 202],
] as const)(
  'while the stream %s is lost, %s %s gets 503 with a sentence that says what to do, and it works again when the stream is back',
  async (stream, method, path, body, status) => {
    await lose(stream)
    const answer = await send(method, path, body)
    expect(answer.status).toBe(503)
    const { code = '', detail = '' } = answer.body as { code?: string; detail?: string }
    expect(code).toMatch(/^(bus-unavailable|outcome-unknown)$/)
    if (code === 'bus-unavailable') expect(detail).toBe(RETRY_DETAIL)
    else expect(detail).toMatch(/Send the request again|send the request again/)
    await repair()
    await eventually(
      async () => expect((await send(method, path, body)).status).toBe(status),
      SOON_MS,
    )
  },
  60_000,
)

test('keys of a lost stream KEYS end when the stream is made again, because no gateway could revoke them, and new keys work', async () => {
  const lost = await makeKey()
  expect((await send('GET', '/v1/me', undefined, lost.key)).status).toBe(200)
  await lose(STREAMS.keys)
  await repair()
  const statuses: number[] = []
  await eventually(async () => {
    statuses.push((await send('GET', '/v1/me', undefined, lost.key)).status)
    expect(statuses.at(-1)).toBe(401)
  }, SOON_MS)
  // Until the gateway has read the other stream it says so.
  expect(statuses.filter((each) => ![200, 503, 401].includes(each))).toEqual([])
  const made = await makeKey()
  expect((await send('GET', '/v1/me', undefined, made.key)).status).toBe(200)
  expect((await send('DELETE', `/v1/keys/${made.id}`)).status).toBe(204)
  expect((await send('GET', '/v1/me', undefined, made.key)).status).toBe(401)
}, 60_000)

test('definitions of a lost stream AGENTS are forgotten when the stream is made again, and new versions count', async () => {
  const path = '/v1/agents/translator'
  for (const systemPrompt of ['one', 'two', 'three'])
    expect((await send('PUT', path, { systemPrompt })).status).toBeLessThan(300)
  await lose(STREAMS.agents)
  await repair()
  await eventually(async () => expect((await send('GET', path)).status).toBe(404), SOON_MS)
  expect(await send('PUT', path, { systemPrompt: 'again' })).toMatchObject({ status: 201 })
  expect((await send('GET', path)).body).toMatchObject({ version: 1 })
}, 60_000)
