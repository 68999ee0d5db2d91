import type { Bus } from '@agentfleet/adapters'
import { expect, test } from 'vitest'
import { createHeld } from '../../src/fleet/held-tenants.ts'

/** A coordinator that answers these queues, and what it was asked. */
function answering(...tenants: readonly string[]) {
  const asked: unknown[] = []
  const ask = async (_channel: unknown, whose: { readonly tenant?: string }) => {
    asked.push(whose)
    const queues = tenants
      .filter((tenant) => tenant === (whose.tenant ?? tenant))
      .map((tenant) => ({ tenant, priority: 'low', waiting: 5, inFlight: 2, retrying: 0 }))
    return { kind: 'reply', body: { kind: 'queues', atMs: 0, queues } }
  }
  return { asked, bus: { ask } as unknown as Pick<Bus, 'ask'> }
}
const limits = new Map([
  ['acme', { weight: 1, concurrency: 2 }],
  ['beta', { weight: 1, concurrency: 2 }],
])
const operators = new Set(['operator'])

test('a tenant learns that its own tasks wait for its limit, and an operator learns it of every tenant', async () => {
  const { bus } = answering('acme', 'beta', 'free')
  const held = createHeld({ bus, limits, operators })
  const acme = { tenant: 'acme', waiting: 5, concurrency: 2 }
  expect(await held('acme')).toEqual([acme])
  expect(await held('operator')).toEqual([acme, { ...acme, tenant: 'beta' }])
})

test('a fleet view asks no coordinator about tenants without a limit, and says nothing about limits if none answers', async () => {
  const { bus, asked } = answering('free')
  expect(await createHeld({ bus, limits, operators })('free')).toEqual([])
  expect(await createHeld({ bus, limits: new Map(), operators })('operator')).toEqual([])
  expect(asked).toEqual([])
  const silent = { ask: async () => ({ kind: 'timeout' }) } as unknown as Pick<Bus, 'ask'>
  expect(await createHeld({ bus: silent, limits, operators })('acme')).toEqual([])
})
