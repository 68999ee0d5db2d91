import { PLAIN_SPEC } from '@agentfleet/testkit'
import { transition, type TaskEvent } from '@agentfleet/domain'
import { createLogger } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import type { Viewer } from '../../src/stream/subscriptions.ts'
import { createTenantSubscriptions } from '../../src/stream/tenant-subscriptions.ts'

const MIB = 1024 * 1024
const submitted: TaskEvent = {
  type: 'submitted',
  tenant: 'a',
  atMs: 1,
  spec: PLAIN_SPEC,
  specHash: 'h',
}
const first = transition('t', undefined, submitted, 1)
const started: TaskEvent = { type: 'attempt-started', atMs: 2, attempt: 2, node: 'n1' }

test('events that wait until their tenant is known take at most 16 MiB, and viewers learn that they missed events (L7)', async () => {
  if (first.kind !== 'applied') throw new Error('the fixture is wrong')
  const { record } = first
  const found: (() => void)[] = []
  const sent: string[] = []
  const refused: string[] = []
  const viewer: Viewer = {
    tenant: 'a',
    send: (frame) => void sent.push(frame.toString()),
    ready: () => Promise.resolve(),
    hint: () => true,
    refuse: (_taskId, code) => void refused.push(code),
    forget: () => undefined,
  }
  const subscriptions = createTenantSubscriptions({
    reader: { load: () => new Promise((resolve) => found.push(() => resolve(record))) },
    onlyTenant: undefined,
    log: createLogger({ service: 'gateway', id: 'test', level: 'silent' }),
  })
  subscriptions.follow(viewer)
  for (let seq = 1; seq <= 40; seq += 1) {
    subscriptions.deliver(`t${seq % 4}`, started, seq, MIB)
  }
  expect(refused).toHaveLength(40 - 16)
  for (const resolve of found.splice(0)) resolve()
  await expect.poll(() => sent.length).toBe(16)
  subscriptions.deliver('t9', started, 50, MIB)
  expect(refused).toHaveLength(40 - 16)
})
