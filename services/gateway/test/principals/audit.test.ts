import { openAuditLog } from '@agentfleet/adapters'
import { ClientError } from '@agentfleet/client'
import { STREAMS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { configuredKeyId } from '../../src/principals/tokens.ts'
import { setup } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const CONFIG = { ADMIN_KEY: ADMIN, API_KEYS: 'acme:0123456789abcdef' }
const ACME = '0123456789abcdef'
const ACME_ID = configuredKeyId(ACME)

test('the audit log has one event for each change, newest first, with the key, the target and the address', async () => {
  await using bench = await setup(CONFIG)
  const admin = bench.client(ADMIN)
  const acme = bench.client(ACME)
  await acme.putAgent('writer', { systemPrompt: 'write' })
  const made = await admin.createKey({ name: 'ci', tenant: 'acme', scopes: ['tasks:read'] })
  await admin.rotateKey(made.id, { overlapSeconds: 60 })
  await admin.revokeKey(made.id)
  await acme.deleteAgent('writer')
  await acme.submit({ task: 'a submission is in the log of its task' })
  const { events } = await admin.audit({ kind: 'change' })
  const told = events.map(({ operation, keyId, target }) => [operation, keyId, target])
  expect(told).toEqual([
    ['deleteAgent', ACME_ID, 'writer'],
    ['revokeKey', 'env-admin', made.id],
    ['rotateKey', 'env-admin', made.id],
    ['createKey', 'env-admin', made.id],
    ['putAgent', ACME_ID, 'writer'],
  ])
  expect(events[0]).toMatchObject({ tenant: 'acme', address: '127.0.0.1', status: 204, count: 1 })
})

test('equal refusals within one second become one audit event with their count, and no audit event contains an API key', async () => {
  await using bench = await setup(CONFIG)
  const admin = bench.client(ADMIN)
  const wrong = 'a-wrong-key-that-must-not-be-recorded'
  const tries = Array.from({ length: 5 }, () => bench.client(wrong).agents())
  await Promise.allSettled([...tries, bench.client(ACME).audit()])
  const events = await eventually(async () => {
    const page = await admin.audit({ kind: 'refusal' })
    const counts = page.events.map(({ operation, code, count, keyId }) => [
      operation,
      code,
      keyId,
      count,
    ])
    const failures = counts.filter(([operation]) => operation === 'listAgents')
    expect(failures.reduce((sum, [, , , count]) => sum + Number(count), 0)).toBe(5)
    expect(counts).toContainEqual(['listAudit', 'scope-missing', ACME_ID, 1])
    return page.events
  })
  expect(events.length).toBeLessThanOrEqual(3)
  expect(JSON.stringify(events)).not.toContain(wrong)
})

test('the audit log can be read page by page and filtered by key, operation and tenant', async () => {
  await using bench = await setup(CONFIG)
  const admin = bench.client(ADMIN)
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) await bench.client(ACME).putAgent(name, { role: 'r' })
  await admin.createKey({ name: 'ci', tenant: 'beta', scopes: ['admin'] })
  const targets: (string | undefined)[] = []
  let cursor: string | undefined
  do {
    const query = { operation: 'putAgent', keyId: ACME_ID, tenant: 'acme', limit: 2 }
    const page = await admin.audit({ ...query, ...(cursor === undefined ? {} : { cursor }) })
    targets.push(...page.events.map(({ target }) => target))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  expect(targets).toEqual(names.reverse())
  const first = await admin.audit({ limit: 1 })
  const other = admin.audit({ limit: 1, tenant: 'acme', cursor: first.nextCursor ?? '' })
  await expect(other).rejects.toBeInstanceOf(ClientError)
})

test('a flood of refusals drops no change from the audit log, and no refusal of another tenant (L7)', async () => {
  await using bench = await setup(CONFIG)
  const manager = await bench.bus.nats.jetstreamManager({ checkAPI: false })
  const { config } = await manager.streams.info(STREAMS.audit)
  expect(config.max_msgs_per_subject).toBe(50_000)
  // The same rule with a number that a test can reach.
  await manager.streams.update(STREAMS.audit, { ...config, max_msgs_per_subject: 5 })
  await bench.client(ACME).putAgent('writer', { role: 'r' })
  const audit = openAuditLog(bench.bus)
  const refusal = { atMs: 1, kind: 'refusal', operation: 'getMe', status: 401, count: 1 } as const
  await audit.append({ ...refusal, tenant: 'beta' })
  for (let times = 0; times < 20; times += 1) await audit.append(refusal)
  for (let times = 0; times < 20; times += 1) await audit.append({ ...refusal, tenant: 'acme' })
  const { events } = await bench.client(ADMIN).audit()
  const told = events.map(({ kind, tenant = 'none' }) => `${kind} ${tenant}`)
  expect(told.toSorted()).toEqual([
    'change acme',
    ...Array<string>(5).fill('refusal acme'),
    'refusal beta',
    ...Array<string>(5).fill('refusal none'),
  ])
})
