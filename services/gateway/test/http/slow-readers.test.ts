import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
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
