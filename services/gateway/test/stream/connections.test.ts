import { EventEmitter } from 'node:events'
import type { Principal, TenantLimits } from '@agentfleet/domain'
import { createLogger, createRegistry, manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createMetrics } from '../../src/metrics.ts'
import { createStreams } from '../../src/stream/connections.ts'

/** A connection of which the test sees what was sent. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  bufferedAmount = 0
  readonly sent: Record<string, unknown>[] = []
  corked = false
  alone = 0
  send(frame: string | Buffer, _options: object, taken: () => void): void {
    if (!this.corked) this.alone += 1
    this.sent.push(JSON.parse(String(frame)) as Record<string, unknown>)
    taken()
  }
  close(): void {
    this.readyState = 3
    this.emit('close')
  }
  terminate(): void {
    this.close()
  }
  ping(): void {}
  cork(): void {
    this.corked = true
  }
  uncork(): void {
    this.corked = false
  }
}
type Socket = Parameters<ReturnType<typeof createStreams>['accept']>[0]

function setup(options: { limits?: TenantLimits; held?: { used: number; own: number } } = {}) {
  const nothing = (): void => undefined
  const watched: string[] = []
  const streams = createStreams({
    subscriptions: {
      watch: async (viewer, { taskIds }) => {
        for (const taskId of taskIds) {
          if (taskId.startsWith('unknown')) viewer.refuse(taskId, 'task-not-found', '')
          else watched.push(taskId)
        }
      },
      unwatch: nothing,
      held: () => options.held ?? { used: 0, own: 0 },
      sweep: async () => undefined,
      count: () => 0,
      wants: () => false,
      deliver: nothing,
      missed: nothing,
    },
    tenantSubscriptions: {
      follow: nothing,
      unfollow: nothing,
      wants: () => false,
      deliver: nothing,
      missed: nothing,
    },
    fleetSubscriptions: { follow: nothing, unfollow: nothing, deliver: nothing },
    stats: { follow: nothing, unfollow: nothing, round: async () => undefined },
    nodes: { follow: nothing, unfollow: nothing, round: nothing },
    limits: options.limits ?? new Map(),
    tenants: () => 5,
    standing: () => ({ kind: 'allowed' }),
    clock: manualClock(),
    log: createLogger({ service: 'gateway', id: 'test', level: 'silent' }),
    metrics: createMetrics(createRegistry('gateway')),
  })
  const open = (tenant: string) => {
    streams.admit(tenant)
    const socket = new FakeSocket()
    const principal: Principal = { keyId: 'k', tenant, scopes: ['tasks:read'] }
    streams.accept(socket as unknown as Socket, socket, principal, () => undefined)
    return socket
  }
  return { streams, open, watched }
}

/** Opens connections until one is refused; returns how many it was. */
function fill(open: (tenant: string) => FakeSocket, tenant: string): number {
  for (let count = 0; ; count += 1) {
    try {
      open(tenant)
    } catch {
      return count
    }
  }
}

test('a tenant has at most 1,000 connections and at most half of what the other tenants leave free (L7)', () => {
  const { streams, open } = setup()
  const tenants = ['a', 'b', 'c', 'd', 'e']
  expect(tenants.map((tenant) => fill(open, tenant))).toEqual([1_000, 1_000, 1_000, 500, 250])
  expect(streams.count()).toBe(3_750)
})

test('a connection that would follow more tasks than the gateway has room for gets an error (L7)', () => {
  const taskIds = ['one', 'two']
  const ask = (held: { used: number; own: number }) => {
    const { open, watched } = setup({ held })
    const socket = open('a')
    socket.emit('message', Buffer.from(JSON.stringify({ type: 'subscribe', taskIds })), false)
    return { watched, sent: socket.sent }
  }
  const refused = ask({ used: 399_998, own: 100 })
  expect(refused.watched).toEqual([])
  expect(refused.sent).toMatchObject([{ type: 'error', code: 'too-many-subscriptions' }])
  expect(ask({ used: 1_000, own: 100 }).watched).toEqual(taskIds)
})

test('a connection names at most 4,000 tasks a second, and a client that names more loses its connection (L7)', () => {
  const { streams, open } = setup()
  const socket = open('a')
  const taskIds = Array.from({ length: 1_000 }, (_, at) => `task-${at}`)
  const ask = (type: string) =>
    socket.emit('message', Buffer.from(JSON.stringify({ type, taskIds })), false)
  for (let times = 0; times < 4; times += 1) ask('unsubscribe')
  expect(socket.sent).toEqual([])
  for (let times = 0; times < 5; times += 1) ask('unsubscribe')
  expect(socket.sent).toMatchObject(
    Array.from({ length: 5 }, () => ({
      detail: expect.stringMatching(/^Name at most 4000 tasks/),
    })),
  )
  expect(streams.count()).toBe(0)
  const other = open('a')
  for (let second = 0; second < 3; second += 1) {
    for (let times = 0; times < 4; times += 1)
      other.emit('message', Buffer.from(JSON.stringify({ type: 'unsubscribe', taskIds })), false)
    streams.tick()
  }
  expect(other.sent).toEqual([])
})

test.each(['ping', 'pong'])(
  'a client that sends more than 200 frames %s in a second loses its connection (L7)',
  (frame) => {
    const { streams, open } = setup()
    const socket = open('a')
    for (let count = 0; count < 200; count += 1) socket.emit(frame, Buffer.from('x'))
    expect(streams.count()).toBe(1)
    socket.emit(frame, Buffer.from('x'))
    expect(streams.count()).toBe(0)
  },
)

test('the answers to a frame that names a thousand unknown tasks leave together', () => {
  const { open } = setup()
  const socket = open('a')
  const taskIds = Array.from({ length: 1_000 }, (_, at) => `unknown-${at}`)
  socket.emit('message', Buffer.from(JSON.stringify({ type: 'subscribe', taskIds })), false)
  expect(socket).toMatchObject({ alone: 0, corked: false })
  expect(socket.sent).toHaveLength(1_000)
})
