import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveControl } from '../src/control.ts'

/** The control API of a one-machine fleet, called over HTTP. */
const TOKEN = 'the-token'
const counts: number[] = []
const pool = {
  workers: () => [{ id: 'worker-1', pid: 1, startedAtMs: 0, state: 'running' }],
  async setCount(count: number) {
    counts.push(count)
  },
  leave: (id: string) => id === 'worker-1',
  replace: (id: string) => id === 'worker-1',
}

let control: Awaited<ReturnType<typeof serveControl>>
beforeAll(async () => {
  control = await serveControl(pool, TOKEN)
})
afterAll(() => control.close())

async function send(method: string, path: string, body?: string | Buffer, token = TOKEN) {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(control.url + path, { method, headers, ...(body && { body }) })
  return { status: answer.status, body: (await answer.json()) as { error?: string } }
}

const SENTENCE = /^[A-Z].*\.$/

describe('POST /workers', () => {
  it.each([
    ['no body', undefined],
    ['text that is not JSON', '{"count":'],
    ['a null', 'null'],
    ['a number in place of an object', '3'],
    ['a list', '[1]'],
    ['an object without a count', '{}'],
    ['a count as text', '{"count":"3"}'],
    ['a count as a list', '{"count":[3]}'],
    ['a negative count', '{"count":-1}'],
    ['a part of a worker', '{"count":1.5}'],
    ['more workers than a machine has room for', '{"count":65}'],
    ['a number beyond all numbers', '{"count":1e400}'],
    ['a number beyond all whole numbers', '{"count":9007199254740993}'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('with %s is refused with 400 and says what to send', async (_what, body) => {
    counts.length = 0
    const { status, body: said } = await send('POST', '/workers', body)
    expect(status).toBe(400)
    expect(said.error).toMatch(SENTENCE)
    expect(counts).toEqual([])
  })

  it('with a body that is too large is refused with 413, and the client reads the answer', async () => {
    const { status, body } = await send('POST', '/workers', ' '.repeat(1_000_000))
    expect(status).toBe(413)
    expect(body.error).toMatch(SENTENCE)
  })

  it('with a count sets the number of workers and lists the workers', async () => {
    counts.length = 0
    const answer = await send('POST', '/workers?from=here', '{"count":3}')
    expect(answer).toEqual({ status: 200, body: { workers: pool.workers() } })
    expect(counts).toEqual([3])
  })
})

it.each([
  ['GET', '/', 404],
  ['GET', '/workers/', 404],
  ['PUT', '/workers', 405],
  ['GET', '/workers/worker-1/leave', 405],
  ['POST', '/workers/worker-1', 404],
  ['POST', '/workers/worker-1/leave/now', 404],
  ['POST', '/workers/worker-1/constructor', 404],
  ['POST', '/workers/worker-1/setCount', 404],
  ['POST', '/workers/%2e%2e/leave', 404],
  ['POST', '/workers/worker-9/replace', 404],
])('%s %s is refused with %i and a sentence', async (method, path, status) => {
  const answer = await send(method, path)
  expect(answer.status).toBe(status)
  expect(answer.body.error).toMatch(SENTENCE)
})

it.each(['leave', 'replace'])('POST /workers/worker-1/%s is carried out', async (action) => {
  expect((await send('POST', `/workers/worker-1/${action}`)).status).toBe(202)
})

it('a request without the token is refused with 401 before its body is read', async () => {
  const answer = await send('POST', '/workers', '{"count":3}', 'another')
  expect(answer.status).toBe(401)
  expect(answer.body.error).toMatch(SENTENCE)
})

it('a client that ends its connection within a body harms no other client', async () => {
  const socket = connect(Number(new URL(control.url).port), '127.0.0.1')
  const head = `POST /workers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n`
  await new Promise<void>((sent) => {
    socket.write(`${head}content-length: 10\r\n\r\n{`, () => sent())
  })
  socket.destroy()
  expect((await send('GET', '/workers')).status).toBe(200)
})
