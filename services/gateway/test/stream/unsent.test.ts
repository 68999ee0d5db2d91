import { manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createUnsent } from '../../src/stream/unsent.ts'

type Socket = Parameters<ReturnType<typeof createUnsent>['add']>[0]

const MIB = 1024 * 1024

/** A collection of connections, and what it ended. */
function setup() {
  const clock = manualClock()
  const ended: Socket[] = []
  const unsent = createUnsent({
    monotonicMs: clock.monotonicMs,
    endSlowest: (socket) => ended.push(socket),
  })
  const add = (tenant: string) => {
    const pings: string[] = []
    // Only these fields are used.
    const socket = {
      bufferedAmount: 0,
      ping: (text: string) => void pings.push(text),
    } as Socket & { bufferedAmount: number }
    return { socket, pings, bytes: unsent.add(socket, tenant) }
  }
  return { clock, ended, add }
}

test('the unsent bytes of all connections stay below 64 MiB: the slowest connections end, and the other connections stay open (L7)', () => {
  const { ended, add } = setup()
  const quick = add('a')
  const slow = Array.from({ length: 200 }, () => add('a'))
  for (const { socket, bytes } of slow) {
    socket.bufferedAmount = MIB
    bytes.grown(0)
  }
  const left = slow.filter(({ socket }) => !ended.includes(socket))
  expect(left.length).toBeLessThanOrEqual(64)
  expect(left.length).toBeGreaterThan(45)
  expect(ended).not.toContain(quick.socket)
})

test('a tenant with many connections that read slowly loses some of them, and a tenant with one larger backlog loses none (L7)', () => {
  const { ended, add } = setup()
  const quiet = add('quiet')
  quiet.socket.bufferedAmount = MIB
  quiet.bytes.grown(0)
  for (let at = 0; at < 1_000; at += 1) {
    const { socket, bytes } = add('busy')
    socket.bufferedAmount = MIB / 8
    bytes.grown(0)
  }
  expect(ended.length).toBeGreaterThan(0)
  expect(ended).not.toContain(quiet.socket)
})

test('a connection with more than 8 MiB of unsent bytes, or more than 1 MiB for 10 s, is too slow (L7)', () => {
  const { clock, add } = setup()
  const { socket, bytes } = add('a')
  socket.bufferedAmount = 8 * MIB
  expect(bytes.tooSlow()).toBe(false)
  clock.advance(9_000)
  expect(bytes.tooSlow()).toBe(false)
  socket.bufferedAmount = MIB
  expect(bytes.tooSlow()).toBe(false)
  socket.bufferedAmount = 8 * MIB + 1
  expect(bytes.tooSlow()).toBe(true)
  socket.bufferedAmount = 2 * MIB
  expect(bytes.tooSlow()).toBe(false)
  clock.advance(11_000)
  expect(bytes.tooSlow()).toBe(true)
})

test('a connection gets the next part of a history when its client has read nearly all sent bytes, or when the connection has ended', async () => {
  const { add } = setup()
  const { socket, bytes } = add('a')
  socket.bufferedAmount = MIB
  let ready = 0
  const waits = [bytes.ready(), bytes.ready()].map((each) => each.then(() => (ready += 1)))
  bytes.taken()
  await Promise.resolve()
  expect(ready).toBe(0)
  socket.bufferedAmount = 1_000
  bytes.taken()
  await Promise.all(waits)
  socket.bufferedAmount = MIB
  const last = bytes.ready()
  bytes.close()
  await last
})

test('the limit of unsent bytes also counts the memory that a frame uses beyond its text, so a flood of short answers ends the connection (L7)', () => {
  const { ended, add } = setup()
  const { socket, bytes } = add('a')
  const frames = (64 * MIB) / 512
  for (let frame = 0; frame <= frames; frame += 1) {
    socket.bufferedAmount += 10
    bytes.grown(0)
  }
  expect(ended).toEqual([socket])
})

test('a client gets at most 256 KiB and one page of a history before the client says that it has read these bytes (L7)', async () => {
  const { add } = setup()
  const { bytes, pings } = add('a')
  let ready = 0
  const look = async () => {
    void bytes.ready().then(() => (ready += 1))
    await Promise.resolve()
    return ready
  }
  bytes.grown(200_000)
  expect([pings, await look()]).toEqual([['200000'], 1])
  bytes.grown(100_000)
  // The kernel has taken all of it, and one ping at a time is under way.
  expect([pings.length, await look()]).toEqual([1, 1])
  bytes.answered('1')
  expect(await look()).toBe(1)
  bytes.answered('200000')
  await expect.poll(() => ready).toBe(3)
  expect(pings).toEqual(['200000', '300000'])
})

test('the connection of a client that reads nothing for a minute ends, even if the kernel has accepted all bytes (L7)', () => {
  const { clock, add } = setup()
  const { bytes, pings } = add('a')
  bytes.grown(1_000)
  clock.advance(100_000)
  expect([bytes.readsNothing(), pings]).toEqual([false, []])
  bytes.grown(100_000)
  clock.advance(59_000)
  expect(bytes.readsNothing()).toBe(false)
  clock.advance(2_000)
  expect(bytes.readsNothing()).toBe(true)
  bytes.answered(pings[0] ?? '')
  expect(bytes.readsNothing()).toBe(false)
})

test('a client that has not read 1 MiB of events within 10 s is too slow (L7)', () => {
  const { clock, add } = setup()
  const { bytes } = add('a')
  bytes.grown(2 * MIB)
  expect([bytes.tooSlow(), bytes.dropsHints()]).toEqual([false, true])
  clock.advance(11_000)
  expect(bytes.tooSlow()).toBe(true)
})
