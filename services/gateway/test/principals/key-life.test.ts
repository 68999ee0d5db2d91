import { openKeys } from '@agentfleet/adapters'
import { createClient, type Client } from '@agentfleet/client'
import type { ApiKey } from '@agentfleet/domain'
import { CHANNELS, newTaskId } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { followKeys } from '../../src/principals/key-directory.ts'
import { purgeKeys } from '../../src/principals/key-purge.ts'
import { listening, setup } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const DAY_MS = 24 * 3_600_000

test('a revoked or expired key is forgotten after 30 days, in the stream and in the memory of gateways', async () => {
  await using bench = await setup({ ADMIN_KEY: ADMIN })
  const keys = openKeys(await bench.servers.connect('gateway'))
  const directory = followKeys(keys, createLogger({ service: 'gateway', id: 't', level: 'silent' }))
  const now = Date.now()
  const key = (id: string, part: Partial<ApiKey>): ApiKey => ({
    id,
    name: id,
    tenant: 'acme',
    scopes: ['tasks:read'],
    createdAtMs: 1,
    createdBy: 'env-admin',
    secrets: [{ digest: 'd' }],
    ...part,
  })
  const stored = [
    key('aaaaaaaaaaaa', { revokedAtMs: now - 31 * DAY_MS }),
    key('bbbbbbbbbbbb', { expiresAtMs: now - 31 * DAY_MS }),
    key('cccccccccccc', { revokedAtMs: now - 29 * DAY_MS }),
    key('dddddddddddd', {}),
  ]
  for (const each of stored) expect(await keys.store(each, 0)).toMatchObject({ kind: 'stored' })
  await eventually(() => expect(directory.count()).toBe(stored.length))
  await purgeKeys({ keys, directory, nowMs: () => now })
  const left = ['cccccccccccc', 'dddddddddddd']
  expect(directory.list(undefined).map((each) => each.key.id)).toEqual(left)
  const found = await Promise.all(stored.map(({ id }) => keys.last(id)))
  expect(found.flatMap((each) => (each === undefined ? [] : [each.key.id]))).toEqual(left)
  await directory.close()
})

test('a gateway announces the number of tenants that have a usable key, because each of these tenants gets a share of the fleet', async () => {
  await using bench = await setup({ ADMIN_KEY: ADMIN })
  const admin = bench.client(ADMIN)
  let heard = 0
  bench.bus.on(CHANNELS.gateway, ({ tenants }) => (heard = tenants))
  const counted = (tenants: number) => eventually(() => expect(heard).toBe(tenants))
  await counted(1)
  const make = (tenant: string) => admin.createKey({ name: 'k', tenant, scopes: ['tasks:read'] })
  await make('acme')
  await make('acme')
  const other = await make('beta')
  await counted(2)
  await admin.revokeKey(other.id)
  await counted(1)
})

/** Waits until the audit log counts this many refused parts of an operation. */
const refusals = (admin: Client, operation: string, keyId: string, count: number) =>
  eventually(async () => {
    const { events } = await admin.audit({ kind: 'refusal', operation, keyId, limit: 200 })
    expect(new Set(events.map(({ code }) => code))).toEqual(new Set(['unauthorized']))
    expect(events.reduce((sum, event) => sum + event.count, 0)).toBe(count)
  })

test('a bulk request stops when its key is revoked, and its answer and the audit log say what it has changed', async () => {
  await using bench = await setup({ ADMIN_KEY: ADMIN })
  const admin = bench.client(ADMIN)
  const made = await admin.createKey({ name: 'k', tenant: 'acme', scopes: ['tasks:write'] })
  let asked = 0
  let revoked: Promise<unknown> | undefined
  bench.bus.on(CHANNELS.cancel, async () => {
    asked += 1
    revoked ??= admin.revokeKey(made.id)
    await revoked
    return { kind: 'cancelled' as const }
  })
  await listening(bench.bus)
  const taskIds = Array.from({ length: 120 }, () => newTaskId(Date.now()))
  const page = await bench.client(made.key).cancelAll({ taskIds })
  expect([asked, page.cancelled]).toEqual([50, 50])
  expect(page.failed.map(({ taskId }) => taskId)).toEqual(taskIds.slice(50))
  expect(new Set(page.failed.map(({ problem }) => problem.code))).toEqual(new Set(['unauthorized']))
  const { events } = await admin.audit({ kind: 'change', tenant: 'acme' })
  expect(events).toMatchObject([{ operation: 'cancelTasks', keyId: made.id, status: 200 }])
  await refusals(admin, 'cancelTasks', made.id, 70)
})

test('an admin key makes, rotates and revokes no key at any gateway after the answer to its revocation', async () => {
  await using bench = await setup({ ADMIN_KEY: ADMIN })
  const other = await bench.another()
  const admin = bench.client(ADMIN)
  for (const act of [
    (client: Client) => client.createKey({ name: 'x', tenant: 'acme', scopes: ['admin'] }),
    (client: Client, id: string) => client.rotateKey(id),
    (client: Client, id: string) => client.revokeKey(id),
  ]) {
    const stolen = await admin.createKey({ name: 'stolen', tenant: 'acme', scopes: ['admin'] })
    const thief = createClient({ baseUrl: other.url(), apiKey: stolen.key })
    expect((await thief.me()).keyId).toBe(stolen.id)
    const victim = await admin.createKey({ name: 'v', tenant: 'acme', scopes: ['tasks:read'] })
    await admin.revokeKey(stolen.id)
    await expect(act(thief, victim.id)).rejects.toMatchObject({ status: 401 })
  }
})
