import { connect } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'

const KEY = '0123456789abcdef'
const ORIGIN = 'https://console.example.com'

let bench: GatewayBench
beforeAll(async () => {
  bench = await setup({
    API_KEYS: `acme:${KEY}`,
    ALLOWED_ORIGINS: ORIGIN,
    CONNECTIONS_PER_ADDRESS: '3',
  })
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

/** Opens a connection, sends these requests as one piece, and returns everything that comes back until it ends. */
async function answersTo(request: string, times = 1): Promise<string> {
  const socket = connect(Number(new URL(bench.gateway.url()).port), '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (piece: string) => (text += piece))
  const last = request.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n')
  socket.write(request.repeat(times - 1) + last)
  await once(socket, 'close')
  return text.slice(text.lastIndexOf('HTTP/1.1 '))
}

const asPage = (path: string, ...lines: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, 'host: localhost', `origin: ${ORIGIN}`, ...lines, '', ''].join('\r\n')

/** The headers without which a page of an allowed origin cannot read an answer. */
const READABLE = /\r\naccess-control-allow-origin: https:\/\/console\.example\.com\r\n/i
const EXPOSED = /\r\naccess-control-expose-headers: [^\r]*retry-after, retry-after-ms/i
/** Both forms of the time after which the same request may succeed. */
const RETRY = /\r\nretry-after: ([1-9]\d*)\r\nretry-after-ms: ([1-9]\d*)\r\n/i

test.each([
  ['a wrong key', 401, asPage('/v1/me', 'authorization: Bearer wrong'), 1],
  ['an unknown path', 404, asPage('/nothing'), 1],
  ['a path that is not a URL', 400, asPage('/v1/tasks/%ff', `authorization: Bearer ${KEY}`), 1],
  ['a foreign host', 403, asPage('/v1/me').replace('localhost', 'evil.example'), 1],
])('a page of an allowed origin can read the refusal of %s', async (_what, status, request) => {
  const answer = await answersTo(request)
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status}`))
  expect(answer).toMatch(READABLE)
  expect(answer).toMatch(EXPOSED)
  expect(answer).not.toMatch(/retry-after: /i)
})

test('a refusal because of too many wrong keys has the headers of every refusal that a client may repeat', async () => {
  const answer = await answersTo(asPage('/v1/me', 'authorization: Bearer wrong'), 30)
  expect(answer).toMatch(/^HTTP\/1.1 429[^]*too-many-failures/)
  expect(answer).toMatch(READABLE)
  expect(answer).toMatch(EXPOSED)
  const [, seconds, ms] = RETRY.exec(answer) ?? []
  expect(Number(ms)).toBeGreaterThan(0)
  expect(Number(seconds)).toBe(Math.ceil(Number(ms) / 1_000))
})

test('a refusal because of too many connections has the headers of every refusal that a client may repeat', async () => {
  const held = Array.from({ length: 3 }, () =>
    connect(Number(new URL(bench.gateway.url()).port), '127.0.0.1'),
  )
  await Promise.all(held.map((each) => once(each, 'connect')))
  const answer = await answersTo(asPage('/v1/me', `authorization: Bearer ${KEY}`))
  expect(answer).toMatch(/^HTTP\/1.1 429[^]*too-many-connections/)
  expect(answer).toMatch(READABLE)
  expect(RETRY.exec(answer)?.slice(1)).toEqual(['5', '5000'])
  for (const each of held) each.destroy()
})
