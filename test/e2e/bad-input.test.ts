import { connect } from 'node:net'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

/** For any input of a client: a clear error or a bounded disconnect, never a crash, no loss. */
let test: Tenant
let authorization: string
beforeAll(async () => {
  test = await joinSharedFleet('bad-input')
  authorization = `Bearer ${test.fleet.keys['bad-input']}`
})
afterAll(async () => {
  // None of these inputs has ended the gateway, and it still works.
  expect(process.kill(test.fleet.gateway.pid, 0)).toBe(true)
  const view = await test.client.submit({ task: 'still here', model: 'echo' }, { waitSeconds: 30 })
  expect(view.state).toBe('completed')
  await test[Symbol.asyncDispose]()
})

interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
}

async function send(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; problem: Problem; type: string }> {
  const response = await fetch(`${test.fleet.url}${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body }),
  })
  const type = response.headers.get('content-type') ?? ''
  return { status: response.status, type, problem: (await response.json()) as Problem }
}

describe('an invalid request', () => {
  const task = '/v1/tasks'
  it.each<[string, string, string, string | undefined, number]>([
    ['malformed JSON', 'POST', task, '{"task":', 400],
    ['no body', 'POST', task, undefined, 400],
    ['an array for a body', 'POST', task, '[]', 400],
    ['no task', 'POST', task, '{}', 400],
    ['an empty task', 'POST', task, '{"task":""}', 400],
    ['an unknown field', 'POST', task, '{"task":"x","nope":1}', 400],
    ['a wrong type', 'POST', task, '{"task":5}', 400],
    ['a number as text', 'POST', task, '{"task":"x","timeoutMs":"5000"}', 400],
    ['an unknown priority', 'POST', task, '{"task":"x","priority":"urgent"}', 400],
    ['a timeout out of bounds', 'POST', task, '{"task":"x","timeoutMs":1}', 400],
    ['a polluting key', 'POST', task, '{"task":"x","__proto__":{"a":1}}', 400],
    ['an oversize body', 'POST', task, JSON.stringify({ task: 'x'.repeat(2_000_000) }), 413],
    ['too many tasks in a batch', 'POST', '/v1/tasks:batch', manyTasks(1_001), 400],
    ['an unknown id', 'GET', `${task}/00000000-0000-7000-8000-000000000000`, undefined, 404],
    ['an invalid id', 'GET', `${task}/..%2f..%2fetc`, undefined, 404],
    [
      'an unknown id to cancel',
      'POST',
      `${task}/00000000-0000-7000-8000-000000000000/cancel`,
      undefined,
      404,
    ],
    ['an unknown path', 'GET', '/v2/tasks', undefined, 404],
    ['an unknown state', 'GET', `${task}?state=done`, undefined, 400],
    ['a limit out of bounds', 'GET', `${task}?limit=100000`, undefined, 400],
    ['an invalid cursor', 'GET', `${task}?cursor=%00%ff`, undefined, 400],
  ])(
    '%s is answered with a problem that says what to do',
    async (_title, method, path, body, status) => {
      const answer = await send(method, path, body)
      expect(answer.status).toBe(status)
      expect(answer.type).toContain('application/problem+json')
      expect(answer.problem).toMatchObject({ status })
      expect(answer.problem.code).toMatch(/^[a-z-]+$/)
      expect(answer.problem.detail.length).toBeGreaterThan(10)
    },
  )

  it('with a wrong media type is refused', async () => {
    const answer = await send('POST', task, 'task=x', { 'content-type': 'text/csv' })
    expect(answer.status).toBe(415)
  })

  it('within a batch is refused alone: the task that contradicts an earlier task of the batch', async () => {
    const body = JSON.stringify({
      tasks: [
        { task: 'first', model: 'echo', idempotencyKey: 'bad-batch' },
        { task: 'second', model: 'echo' },
        { task: 'another', model: 'echo', idempotencyKey: 'bad-batch' },
      ],
    })
    const answer = await fetch(`${test.fleet.url}/v1/tasks:batch`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body,
    })
    const { results } = (await answer.json()) as { results: { status: number }[] }
    expect(results.map(({ status }) => status).sort((a, b) => a - b)).toEqual([202, 202, 422])
  })
})

function manyTasks(count: number): string {
  return JSON.stringify({ tasks: Array.from({ length: count }, () => ({ task: 'x' })) })
}

describe('a raw connection', () => {
  it.each([
    ['that speaks no HTTP', 'SSH-2.0-nonsense\r\n\r\n'],
    ['with an endless header', `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`],
    ['with a wrong length', 'POST /v1/tasks HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n{}'],
  ])('%s is closed', async (_title, bytes) => {
    const url = new URL(test.fleet.url)
    const socket = connect(Number(url.port), url.hostname)
    let closed = false
    socket.on('error', () => undefined)
    socket.on('data', () => undefined)
    socket.on('close', () => {
      closed = true
    })
    socket.write(bytes)
    await eventually(() => expect(closed).toBe(true), SOON_MS)
  })
})

function openSocket(): WebSocket {
  return new WebSocket(`${test.fleet.url.replace('http', 'ws')}/v1/stream`, {
    headers: { authorization },
  })
}

describe('a WebSocket', () => {
  it('that sends invalid frames gets errors and is closed after several of them', async () => {
    const socket = openSocket()
    const frames: { type: string; code?: string }[] = []
    let code = 0
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as never))
    socket.on('close', (closeCode) => {
      code = closeCode
    })
    await eventually(() => expect(socket.readyState).toBe(WebSocket.OPEN), SOON_MS)
    for (const garbage of ['{', '[]', '"x"', '{"type":"nope"}', '{"type":"subscribe"}', '\u0000']) {
      if (socket.readyState === WebSocket.OPEN) socket.send(garbage)
    }
    await eventually(() => expect(code).toBe(1008), SOON_MS)
    expect(frames.length).toBeGreaterThan(0)
    expect(frames.every(({ type }) => type === 'error')).toBe(true)
  })

  it('that sends a frame beyond the limit is closed', async () => {
    const socket = openSocket()
    let closed = false
    socket.on('error', () => undefined)
    socket.on('close', () => {
      closed = true
    })
    await eventually(() => expect(socket.readyState).toBe(WebSocket.OPEN), SOON_MS)
    socket.send('x'.repeat(1_000_000))
    await eventually(() => expect(closed).toBe(true), SOON_MS)
  })

  it('that never reads is disconnected, and the memory of the gateway stays small', async () => {
    const view = await test.client.submit(
      { task: 'x'.repeat(100_000), model: 'echo' },
      { waitSeconds: 30 },
    )
    const url = new URL(test.fleet.url)
    const socket = connect(Number(url.port), url.hostname)
    socket.on('error', () => undefined)
    // Bytes of a WebSocket client that asks for the same history for ever and reads nothing.
    socket.pause()
    socket.write(
      `GET /v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n` +
        'upgrade: websocket\r\nconnection: upgrade\r\n' +
        'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    const asks = Buffer.concat(
      [
        { type: 'unsubscribe', taskIds: [view.id] },
        { type: 'subscribe', taskIds: [view.id] },
      ].map(maskedFrame),
    )
    await eventually(async () => {
      for (let i = 0; i < 10 && socket.writable; i += 1) socket.write(asks)
      expect(await gatewayMetric('fleet_gateway_stream_closes_total')).toBeGreaterThan(0)
    }, 60_000)
    socket.destroy()
    const residentBytes = await gatewayMetric('process_resident_memory_bytes')
    expect(residentBytes).toBeGreaterThan(20_000_000)
    expect(residentBytes).toBeLessThan(600_000_000)
  })
})

/** A text frame as a client has to send it: masked, here with zeros. */
function maskedFrame(content: object): Buffer {
  const payload = Buffer.from(JSON.stringify(content))
  expect(payload.length).toBeLessThan(126)
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

/** Sum of a metric of the gateway over its labels. */
async function gatewayMetric(name: string): Promise<number> {
  const url = `${test.fleet.gateway.adminUrl}/metrics`
  const text = await (await fetch(url)).text()
  const values = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0)
}
