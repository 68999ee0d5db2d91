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
  send(frame: string | Buffer, _options: object, taken: () => void): void {
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
}
type Socket = Parameters<ReturnType<typeof createStreams>['accept']>[0]

function setup(options: { limits?: TenantLimits; held?: { used: number; own: number } } = {}) {
  const nothing = (): void => undefined
  const watched: string[] = []
  const streams = createStreams({
    subscriptions: {
      watch: async (_viewer, { taskIds }) => void watched.push(...taskIds),
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
    streams.accept(socket as unknown as Socket, principal, () => undefined)
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
