import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'

/** Requests that no ordinary client sends, byte by byte. */

const KEY = '0123456789abcdef'
const ORIGIN = 'https://console.example.com'
const HEAD = `host: localhost\r\nauthorization: Bearer ${KEY}\r\n`
const JSON_TYPE = 'content-type: application/json\r\n'
const WEBSOCKET = 'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n'
const HANDSHAKE_KEY = 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

let bench: GatewayBench
let sockets: Socket[] = []
beforeAll(async () => {
  bench = await setup({ API_KEYS: `acme:${KEY}`, ALLOWED_ORIGINS: ORIGIN })
}, 60_000)
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})
afterAll(() => bench[Symbol.asyncDispose]())

/** Sends these bytes over a new connection; the function returns what has come back. */
function send(bytes: string): () => string {
  const socket = connect(Number(new URL(bench.gateway.url()).port), '127.0.0.1')
  sockets.push(socket)
  let text = ''
  socket.on('error', () => undefined)
  socket.on('data', (data) => (text += data.toString('latin1')))
  socket.write(bytes)
  return () => text
}

const statusesIn = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => code)

const post = (lines: string, body: string) =>
  `POST /v1/tasks HTTP/1.1\r\n${HEAD}${JSON_TYPE}${lines}content-length: ${body.length}\r\n\r\n${body}`

const UNROUTED = {
  'input that is not HTTP': ['nonsense\r\n\r\n', '400'],
  'the method of a proxy': [`CONNECT example.org:443 HTTP/1.1\r\n${HEAD}\r\n`, '404'],
  'an unknown expectation': [`GET /v1/me HTTP/1.1\r\n${HEAD}expect: x\r\n\r\n`, '400'],
  'an offer of HTTP/2': [
    `GET /v1/me HTTP/1.1\r\n${HEAD}connection: upgrade\r\nupgrade: h2c\r\n\r\n`,
    '200',
  ],
  'a WebSocket with HEAD': [
    `HEAD /v1/stream HTTP/1.1\r\n${HEAD}${WEBSOCKET}${HANDSHAKE_KEY}\r\n`,
    '426',
  ],
  'a WebSocket with POST': [
    `POST /v1/stream HTTP/1.1\r\n${HEAD}${WEBSOCKET}${HANDSHAKE_KEY}content-length: 0\r\n\r\n`,
    '405',
  ],
  'a WebSocket': [`GET /v1/stream HTTP/1.1\r\n${HEAD}${WEBSOCKET}${HANDSHAKE_KEY}\r\n`, '101'],
  'a wrong handshake': [`GET /v1/stream HTTP/1.1\r\n${HEAD}${WEBSOCKET}\r\n`, '400'],
} as const

test.each(Object.entries(UNROUTED))(
  '%s behind a request that waits is answered behind the answer to that request',
  async (_what, [bytes, status]) => {
    const waits = post('prefer: wait=1\r\n', '{"task":"a"}')
    const text = send(waits + bytes)
    await eventually(() => expect(statusesIn(text())).toEqual(['202', status]))
  },
)

test('requests that offer HTTP/2 and arrive together are all answered', async () => {
  const text = send(UNROUTED['an offer of HTTP/2'][0].repeat(5))
  await eventually(() => expect(statusesIn(text())).toEqual(Array.from({ length: 5 }, () => '200')))
})

test.each(Object.entries(UNROUTED))(
  'a client that sends %s and resets its connection ends no process',
  async (_what, [bytes]) => {
    const faults: unknown[] = []
    const hear = (error: unknown): void => void faults.push(error)
    process.on('uncaughtException', hear)
    for (let times = 0; times < 10; times += 1) {
      const socket = connect(Number(new URL(bench.gateway.url()).port), '127.0.0.1')
      await once(socket, 'connect')
      socket.write(bytes)
      // With and without the answer.
      if (times % 2 === 1) await once(socket, 'data')
      socket.resetAndDestroy()
    }
    const text = send(`GET /v1/me HTTP/1.1\r\n${HEAD}\r\n`)
    await eventually(() => expect(statusesIn(text())).toEqual(['200']))
    process.off('uncaughtException', hear)
    expect(faults).toEqual([])
  },
)

test('a request to an unknown path is refused before its body has arrived', async () => {
  const text = send(
    `POST /nothing HTTP/1.1\r\nhost: localhost\r\n${JSON_TYPE}content-length: 900000\r\n\r\n{`,
  )
  await eventually(() => expect(text()).toMatch(/^HTTP\/1\.1 404[^]*path-not-found/))
})

test.each([
  'Host: localhost',
  'Authorization: Bearer x',
  'Content-Type: text/csv',
  'Idempotency-Key: b',
])(
  'a request that repeats %s is refused, because a proxy may have read the other value',
  async (line) => {
    const text = send(post(`idempotency-key: a\r\n${line}\r\n`, '{"task":"a"}'))
    const name = line.split(':')[0]
    await eventually(() => expect(text()).toMatch(/^HTTP\/1\.1 400/))
    expect(text()).toContain(`Send the header ${name} only once.`)
  },
)

test.each([
  ['http://evil.example', '403'],
  ['http://localhost', '200'],
  ['nonsense://', '403'],
])(
  'the host in the first line of a request counts, not the header: %s gets %s',
  async (host, status) => {
    const text = send(`GET ${host}/v1/me HTTP/1.1\r\n${HEAD}\r\n`)
    await eventually(() => expect(statusesIn(text())).toEqual([status]))
  },
)

test('a body in another transfer coding than chunked is refused', async () => {
  const head = `POST /v1/tasks HTTP/1.1\r\n${HEAD}${JSON_TYPE}`
  const text = send(`${head}transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`)
  await eventually(() => expect(text()).toMatch(/^HTTP\/1\.1 415[^]*Transfer-Encoding/))
})

const asPage = (bytes: string) => bytes.replace(HEAD, `${HEAD}origin: ${ORIGIN}\r\n`)

test.each([
  ['the method of a proxy', UNROUTED['the method of a proxy'][0]],
  ['an unknown expectation', UNROUTED['an unknown expectation'][0]],
  ['a wrong handshake', UNROUTED['a wrong handshake'][0]],
  [
    'a body that breaks off',
    `POST /v1/tasks HTTP/1.1\r\n${HEAD}${JSON_TYPE}transfer-encoding: chunked\r\n\r\nzz\r\n`,
  ],
])('a page of an allowed origin can read the refusal of %s', async (_what, bytes) => {
  const text = send(asPage(bytes))
  await eventually(() => expect(text()).toMatch(/^HTTP\/1\.1 4\d\d/))
  expect(text()).toContain(`access-control-allow-origin: ${ORIGIN}\r\n`)
})

test('where pages of other origins are allowed, each answer says that it depends on the origin', async () => {
  const api = send(`GET /v1/me HTTP/1.1\r\n${HEAD}\r\n`)
  await eventually(() => expect(api()).toMatch(/\r\nvary: origin\r\n/))
  const page = send('GET /console/ HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await eventually(() => expect(page()).toMatch(/\r\nvary: (accept-encoding, )?origin\r\n/))
})
