import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, Socket, type AddressInfo } from 'node:net'
import { manualClock } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { watchSlowReaders, type SlowReaders } from '../../src/http/slow-readers.ts'

/** More than the kernel keeps for a connection that no client reads. */
const ANSWER = Buffer.alloc(32 * 1024 * 1024)
const clock = manualClock()
let server: Server
let readers: SlowReaders
let sockets: Socket[]

beforeEach(async () => {
  sockets = []
  server = createServer((_request, response) => response.end(ANSWER))
  readers = watchSlowReaders(server, clock.monotonicMs)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

/** Asks for the answer; the connection reads nothing before `resume`. */
function ask(): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  sockets.push(socket)
  return socket
}

/** Resolves when the server has this many connections. */
function connections(count: number): Promise<void> {
  return eventually(async () => {
    const open = await new Promise((resolve) => server.getConnections((_, found) => resolve(found)))
    expect(open).toBe(count)
  })
}

test('a connection that takes no bytes for 20 s is closed, and a connection that reads stays open (L7)', async () => {
  ask()
  const reading = ask()
  await connections(2)
  expect(readers.sweep()).toBe(0)
  let bytes = 0
  reading.on('data', (chunk: Buffer) => (bytes += chunk.length))
  reading.resume()
  await eventually(() => expect(bytes).toBeGreaterThan(ANSWER.length))
  clock.advance(21_000)
  expect(readers.sweep()).toBe(1)
  await connections(1)
  expect(reading.destroyed).toBe(false)
})

test('the unsent answers of all connections that read nothing take at most 256 MiB together (L7)', async () => {
  for (let at = 0; at < 12; at += 1) ask()
  await connections(12)
  await eventually(() => expect(readers.sweep()).toBeGreaterThan(0))
  await eventually(async () => {
    const open = await new Promise<number>((resolve) =>
      server.getConnections((_, found) => resolve(found)),
    )
    expect(open * ANSWER.length).toBeLessThanOrEqual(256 * 1024 * 1024)
  })
})

/** Readers of connections of which only the test says what waits. */
function silent() {
  const other = createServer()
  // Nothing is read: only the events of the server count.
  other.removeAllListeners('connection')
  const watched = watchSlowReaders(other, clock.monotonicMs)
  const open = (remoteAddress: string, writableLength: number): Socket => {
    const socket = Object.defineProperties(new Socket(), {
      remoteAddress: { value: remoteAddress },
      writableLength: { value: writableLength },
    })
    other.emit('connection', socket)
    return socket
  }
  return { watched, open }
}

test('connections of an address that holds most end first, and another address keeps a connection with a larger backlog than each of them (L7)', () => {
  const { watched, open } = silent()
  const quiet = open('10.0.0.1', ANSWER.length)
  const busy = Array.from({ length: 100 }, (_, at) => open(`2001:db8::${at}`, ANSWER.length / 8))
  // 432 MiB wait, and 256 MiB may.
  expect(watched.sweep()).toBe(44)
  expect(busy.filter(({ destroyed }) => destroyed)).toHaveLength(44)
  expect(quiet.destroyed).toBe(false)
})

test('behind a trusted proxy the unsent bytes count for the caller of each connection, and another caller keeps a connection with a larger backlog (L7)', () => {
  const { watched, open } = silent()
  const openFor = (caller: string, writableLength: number): Socket => {
    const socket = open('10.0.0.9', writableLength)
    const response = { shouldKeepAlive: true, writableFinished: false } as ServerResponse
    expect(watched.check({ socket } as IncomingMessage, response, caller)).toBe('serve')
    return socket
  }
  const quiet = openFor('192.0.2.1', ANSWER.length)
  const busy = Array.from({ length: 100 }, () => openFor('192.0.2.2', ANSWER.length / 8))
  expect(watched.sweep()).toBe(44)
  expect(busy.filter(({ destroyed }) => destroyed)).toHaveLength(44)
  expect(quiet.destroyed).toBe(false)
})
