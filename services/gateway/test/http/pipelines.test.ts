import { connect, type Socket } from 'node:net'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'

/** Requests that a client sends over one connection before it has the answers to earlier ones. */

const KEY = '0123456789abcdef'
const HEAD = `host: localhost\r\nauthorization: Bearer ${KEY}\r\n`
/** Requests of one connection that the gateway serves at a time. */
const SERVED_MAX = 64
/** Requests that the key may have open at once; more than one connection can have. */
const CONCURRENT = 70

let bench: GatewayBench
let sockets: Socket[] = []
beforeAll(async () => {
  bench = await setup({ API_KEYS: `acme:${KEY}`, API_KEYS_CONCURRENT: String(CONCURRENT) })
}, 60_000)
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})
afterAll(() => bench[Symbol.asyncDispose]())

/** A connection to the gateway, what it has received, and whether the gateway has ended it. */
function open(): { socket: Socket; text: () => string; ended: () => boolean } {
  const port = Number(new URL(bench.gateway.url()).port)
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  sockets.push(socket)
  let [text, ended] = ['', false]
  socket.on('error', () => undefined)
  socket.on('data', (piece) => (text += piece.toString('latin1')))
  socket.on('end', () => (ended = true))
  return { socket, text: () => text, ended: () => ended }
}

const statusesIn = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code))
const countOf = (text: string, status: number) =>
  statusesIn(text).filter((each) => each === status).length

function post(lines = '', type = 'application/json'): string {
  const body = '{"task":"a","model":"echo"}'
  return `POST /v1/tasks HTTP/1.1\r\n${HEAD}content-type: ${type}\r\n${lines}content-length: ${body.length}\r\n\r\n${body}`
}

/** The number of tasks that the log holds. */
const stored = async () => (await bench.taskLog.fill()).lastSeq

test.each([129, 300, 2_000])(
  'of %i submissions in one piece 64 are stored and answered, the next one is refused as the last answer, and no further one is stored',
  async (count) => {
    const before = await stored()
    const { socket, text, ended } = open()
    socket.write(post().repeat(count))
    await eventually(() => expect(ended()).toBe(true))
    const served = Array.from({ length: SERVED_MAX }, () => 202)
    expect(statusesIn(text())).toEqual([...served, 429])
    const last = text().slice(text().lastIndexOf('HTTP/1.1 '))
    expect(last).toMatch(/\r\nconnection: close\r\n[^]*"too-many-requests-open"/i)
    expect((await stored()) - before).toBe(SERVED_MAX)
  },
)

const REFUSED = {
  'with an unknown expectation': `GET /v1/me HTTP/1.1\r\n${HEAD}expect: x\r\n\r\n`,
  'whose body is not JSON': `POST /v1/tasks HTTP/1.1\r\n${HEAD}content-type: application/json\r\ncontent-length: 1\r\n\r\n{`,
  'whose body has another type': post('', 'text/csv'),
  'to an unknown path': `POST /nothing HTTP/1.1\r\n${HEAD}content-length: 2\r\n\r\n{}`,
  'with a wrong key': post().replace(KEY, 'a-wrong-key-of-this-test'),
} as const

test.each(Object.entries(REFUSED))(
  'a submission behind a request %s is either answered or not stored',
  async (_what, refused) => {
    // An address with many wrong keys gets its refusals on another way.
    const { socket: other, text: answers } = open()
    other.write(REFUSED['with a wrong key'].repeat(30))
    await eventually(() => expect(answers()).toMatch(/too-many-failures/))
    const before = await stored()
    const { socket, text, ended } = open()
    socket.write(refused + post())
    await eventually(() => expect(ended() || countOf(text(), 202) === 1).toBe(true))
    expect(statusesIn(text())[0]).toBeGreaterThanOrEqual(400)
    // A request that the gateway would serve without an answer is stored before this one.
    await bench.client(KEY).submit({ task: 'b', model: 'echo' })
    expect((await stored()) - before).toBe(countOf(text(), 202) + 1)
  },
)

test.each(Object.entries(REFUSED).slice(1, -1))(
  'a request %s ends no connection if its body has arrived completely',
  async (_what, refused) => {
    const { socket, text } = open()
    const me = `GET /v1/me HTTP/1.1\r\n${HEAD}\r\n`
    for (let round = 1; round <= 3; round += 1) {
      socket.write(refused)
      await eventually(() => expect(statusesIn(text())).toHaveLength(2 * round - 1))
      socket.write(me)
      await eventually(() => expect(countOf(text(), 200)).toBe(round))
    }
  },
)

test('a client that sends a body above the limit reads the refusal, although it still sends', async () => {
  for (let times = 0; times < 10; times += 1) {
    const answer = await fetch(`${bench.gateway.url()}/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ task: 'x'.repeat(8_000_000) }),
    })
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject({ code: 'body-too-large' })
  }
})

test('requests that wait behind an earlier one give back their places when their connection ends (L7)', async () => {
  const waits = post('prefer: wait=60\r\n')
  const before = await stored()
  for (let times = 1; times <= 2; times += 1) {
    const { socket } = open()
    socket.write(waits.repeat(SERVED_MAX))
    // Without the places of the first connection, the key may not send this many.
    await eventually(async () => expect((await stored()) - before).toBe(times * SERVED_MAX))
    socket.resetAndDestroy()
  }
})
