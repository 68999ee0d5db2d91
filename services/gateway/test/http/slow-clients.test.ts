import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'

/** Clients of HTTP that send or read slowly cost only themselves (L7). */

const KEY = '0123456789abcdef'
const HEAD = `host: localhost\r\nauthorization: Bearer ${KEY}\r\n`
/** The largest body, bytes. */
const BODY_BYTES = 1024 * 1024
let bench: GatewayBench
let sockets: Socket[] = []

beforeAll(async () => {
  bench = await setup({ API_KEYS: `acme:${KEY}` })
}, 60_000)
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})
afterAll(() => bench[Symbol.asyncDispose]())

function gatewayPort(): number {
  return Number(new URL(bench.gateway.url()).port)
}

/** A connection from this address, and everything that it has received. */
function open(localAddress = '127.0.0.1'): { socket: Socket; text: () => string } {
  const socket = connect({ host: '127.0.0.1', port: gatewayPort(), localAddress })
  sockets.push(socket)
  let text = ''
  socket.on('error', () => undefined)
  socket.on('data', (data) => (text += data.toString('latin1')))
  return { socket, text: () => text }
}

/** Whether the gateway still holds its side of the connection with this port of the client, as the kernel lists it. */
function isHeld(clientPort: number): boolean {
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  // Clients of other servers may have the same port.
  const end = (port: number) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const [own, other] = [end(gatewayPort()), end(clientPort)]
  return rows.some((row) => {
    const columns = row.trim().split(/\s+/)
    const [, local = '', remote = ''] = columns
    // A connection of no process has the inode 0.
    return local.endsWith(own) && remote.endsWith(other) && columns.at(9) !== '0'
  })
}

/** Announces a body of the largest size and sends half of it. */
function sendHalf(socket: Socket): void {
  const length = `content-length: ${BODY_BYTES}\r\n`
  const type = 'content-type: application/json\r\n'
  socket.write(`POST /v1/tasks HTTP/1.1\r\n${HEAD}${type}${length}\r\n{"task":"`)
}

/** A caller from another address is served. */
async function otherIsServed(): Promise<void> {
  const other = open('127.0.0.2')
  const body = JSON.stringify({ task: 'x'.repeat(20_000), model: 'echo' })
  const length = `content-length: ${body.length}\r\ncontent-type: application/json\r\n`
  other.socket.write(`POST /v1/tasks HTTP/1.1\r\n${HEAD}${length}\r\n${body}`)
  await eventually(() => expect(other.text()).toMatch(/^HTTP\/1\.1 202/))
}

test('a client that sends 10,000 requests without reading the answers loses its connection, and other clients are served (L7)', async () => {
  const { socket } = open()
  await new Promise((resolve) => socket.once('connect', resolve))
  const { localPort = 0 } = socket
  await eventually(() => expect(isHeld(localPort)).toBe(true))
  socket.pause()
  socket.write(`GET /v1/agents HTTP/1.1\r\n${HEAD}\r\n`.repeat(10_000))
  await eventually(() => expect(isHeld(localPort)).toBe(false))
  await otherIsServed()
})

test('a client may send 60 requests before it reads the first answer, and gets all answers in order', async () => {
  const { socket, text } = open()
  socket.write(`GET /v1/me HTTP/1.1\r\n${HEAD}\r\n`.repeat(60))
  await eventually(() => expect(text().match(/HTTP\/1\.1 200/g)).toHaveLength(60))
})

test('request bodies that are arriving from one address take at most half of the memory limit, and release it when they end (L7)', async () => {
  const half = Array.from({ length: 66 }, () => open())
  for (const { socket } of half) sendHalf(socket)
  const refused = () => half.filter(({ text }) => text().startsWith('HTTP/1.1 429'))
  await eventually(() => expect(refused()).toHaveLength(2))
  expect(refused()[0]?.text()).toMatch(/too-many-requests-open[^]*Send fewer large requests/)
  await otherIsServed()
  for (const { socket } of half) socket.destroy()
  await eventually(async () => {
    const again = open()
    sendHalf(again.socket)
    again.socket.write(`${' '.repeat(BODY_BYTES - 12)}"}}`)
    await eventually(() => expect(again.text()).toMatch(/^HTTP\/1\.1 4\d\d/))
    expect(again.text()).toMatch(/^HTTP\/1\.1 400/)
  })
})

test('a client that offers HTTP/2 with each request is answered over HTTP/1.1, also if the request has a body', async () => {
  const { socket, text } = open()
  const offer =
    'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n'
  const body = JSON.stringify({ task: 'x', model: 'echo' })
  const entity = `content-type: application/json\r\ncontent-length: ${body.length}\r\n`
  for (let round = 1; round <= 3; round += 1) {
    socket.write(`POST /v1/tasks HTTP/1.1\r\n${HEAD}${offer}${entity}\r\n${body}`)
    await eventually(() => expect(text().match(/HTTP\/1\.1 202/g)).toHaveLength(round))
  }
  socket.write(`GET /v1/me HTTP/1.1\r\n${HEAD}${offer}\r\n`)
  await eventually(() => expect(text()).toMatch(/HTTP\/1\.1 200/))
})

test.each([
  ['without a host', 'GET /v1/me HTTP/1.1\r\n\r\n', /400[^]*Send the header Host/],
  [
    'with two hosts',
    `GET /v1/me HTTP/1.1\r\n${HEAD}host: localhost\r\n\r\n`,
    /400[^]*Host only once/,
  ],
  [
    'with two lengths',
    `GET /v1/me HTTP/1.1\r\n${HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\n`,
    /400[^]*cannot read the request \(/,
  ],
  [
    'with the method of a proxy',
    `CONNECT example.org:443 HTTP/1.1\r\n${HEAD}\r\n`,
    /404[^]*The gateway is not a proxy/,
  ],
  [
    'with an unknown expectation',
    `GET /v1/me HTTP/1.1\r\n${HEAD}expect: x\r\n\r\n`,
    /400[^]*Expect/,
  ],
  [
    'with a wrong handshake of a WebSocket',
    `GET /v1/stream HTTP/1.1\r\n${HEAD}connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n`,
    /400[^]*handshake of the WebSocket/,
  ],
  [
    'with a compressed body',
    `POST /v1/tasks HTTP/1.1\r\n${HEAD}content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}`,
    /415[^]*without compression/,
  ],
  [
    'with a key that changes objects',
    `POST /v1/tasks HTTP/1.1\r\n${HEAD}content-type: application/json\r\ncontent-length: 18\r\n\r\n{"__proto__":null}`,
    /400[^]*Remove the keys __proto__/,
  ],
  [
    'with a path that is not a URL',
    `GET /v1/tasks/%zz HTTP/1.1\r\n${HEAD}\r\n`,
    /400[^]*percent-encoded/,
  ],
])(
  'a request %s is answered with a problem that says what to do',
  async (_what, bytes, problem) => {
    const { socket, text } = open()
    socket.write(bytes)
    await eventually(() => expect(text()).toMatch(problem))
    expect(text()).toContain('application/problem+json')
  },
)

test('a request that offers a WebSocket at a path other than the stream gets an answer of HTTP', async () => {
  const { socket, text } = open()
  const offer = 'upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n'
  const key = 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
  socket.write(`GET /v1/me HTTP/1.1\r\n${HEAD}${offer}${key}\r\n`)
  await eventually(() => expect(text()).toMatch(/^HTTP\/1\.1 \d{3}/))
  expect(text()).toMatch(/^HTTP\/1\.1 200 /)
})

const WEBSOCKET = 'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n'
const HANDSHAKE_KEY = 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

test.each([
  ['the method of a proxy', `CONNECT example.org:443 HTTP/1.1\r\n${HEAD}\r\n`],
  ['an unknown expectation', `GET /v1/me HTTP/1.1\r\n${HEAD}expect: x\r\n\r\n`],
  ['no request', 'no request\r\n\r\n'],
  ['a wrong handshake of a WebSocket', `GET /v1/stream HTTP/1.1\r\n${HEAD}${WEBSOCKET}\r\n`],
  [
    'a handshake with a wrong key',
    `GET /v1/stream HTTP/1.1\r\nhost: localhost\r\n${WEBSOCKET}${HANDSHAKE_KEY}\r\n`,
  ],
  ['one last request', `GET /v1/me HTTP/1.1\r\n${HEAD}connection: close\r\n\r\n`],
])(
  'a client that sends %s and never closes its side of the connection keeps no place in the gateway (L7)',
  async (_what, bytes) => {
    const socket = connect({ host: '127.0.0.1', port: gatewayPort(), allowHalfOpen: true })
    sockets.push(socket)
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', (data) => (text += data.toString('latin1')))
    socket.write(bytes)
    await eventually(() => expect(text).toMatch(/^HTTP/))
    const { localPort = 0 } = socket
    expect(localPort).toBeGreaterThan(0)
    await eventually(() => expect(isHeld(localPort)).toBe(false))
  },
)

test.each([
  ['a request', `GET /v1/me HTTP/1.1\r\n${HEAD}\r\n`],
  ['half a request', `GET /v1/me HTTP/1.1\r\n${HEAD}`],
  ['nothing', ''],
  [
    'the handshake of a WebSocket',
    `GET /v1/stream HTTP/1.1\r\n${HEAD}${WEBSOCKET}${HANDSHAKE_KEY}\r\n`,
  ],
])(
  'a client that sends %s and closes its side of the connection keeps no place in the gateway (L7)',
  async (_what, bytes) => {
    const socket = connect({ host: '127.0.0.1', port: gatewayPort(), allowHalfOpen: true })
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.resume()
    await new Promise((resolve) => socket.once('connect', resolve))
    const { localPort = 0 } = socket
    await eventually(() => expect(isHeld(localPort)).toBe(true))
    socket.end(bytes)
    await eventually(() => expect(isHeld(localPort)).toBe(false))
  },
)
