import type { KeyView } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { auditTable, keyDetails, keyTable } from '../../src/render/key-views.ts'
import { uncoloured } from '../../src/render/paint.ts'
import { NOW_MS } from './tasks.ts'

const LOOK = { paint: uncoloured, columns: undefined }
const key = {
  id: 'af_1',
  name: 'dashboard',
  tenant: 'acme',
  scopes: ['tasks:read', 'fleet:read'],
  state: 'active',
  createdAt: new Date(NOW_MS - 3_600_000).toISOString(),
  createdBy: 'ADMIN_KEY',
  expiresAt: new Date(NOW_MS + 86_400_000).toISOString(),
} as KeyView

test('the printed table of API keys and the printed fields of one key match the snapshots in this test', () => {
  expect(`\n${keyTable([key], LOOK, NOW_MS)}\n`).toMatchInlineSnapshot(`
    "
    KEY   STATE   TENANT  MADE     EXPIRES  SCOPES                  FOR
    af_1  active  acme    1 h ago  in 1 d   tasks:read, fleet:read  dashboard
    "
  `)
  const limited = { ...key, limits: { requestsPerMinute: 60, concurrent: 1 } }
  expect(`\n${keyDetails(limited, LOOK)}\n`).toMatchInlineSnapshot(`
    "
    key      af_1
    for      dashboard
    state    active
    tenant   acme
    scopes   tasks:read, fleet:read
    limits   60 requests a minute, 1 open request at a time
    made     2026-01-31 11:00:05 UTC by ADMIN_KEY
    expires  2026-02-01 12:00:05 UTC
    "
  `)
})

test('the table of the audit log names each caller, and says how often an equal request was refused and which outcome is unknown', () => {
  const at = new Date(NOW_MS).toISOString()
  const by = { tenant: 'acme', keyId: 'af_1', address: '10.0.0.9' }
  const changed = {
    ...by,
    seq: 2,
    at,
    kind: 'change',
    operation: 'putAgent',
    target: 'writer',
  } as const
  const refused = {
    seq: 1,
    at,
    kind: 'refusal',
    operation: 'listTasks',
    code: 'unauthorized',
  } as const
  const events = [
    { ...changed, status: 200, count: 1 },
    { ...refused, status: 401, count: 3 },
    { ...changed, kind: 'unknown' as const, status: 503, code: 'outcome-unknown', count: 1 },
  ]
  expect(`\n${auditTable(events, [key], LOOK)}\n`).toMatchInlineSnapshot(`
    "
    AT                       WHO        KEY   TENANT  OPERATION  ABOUT   FROM      RESULT
    2026-01-31 12:00:05 UTC  dashboard  af_1  acme    putAgent   writer  10.0.0.9  200
    2026-01-31 12:00:05 UTC  —          —     —       listTasks  —       —         401 unauthorized 3 times
    2026-01-31 12:00:05 UTC  dashboard  af_1  acme    putAgent   writer  10.0.0.9  outcome unknown: 503 outcome-unknown
    "
  `)
})

test('each change in the audit log has a caller, also with a key that has no name, and a narrow terminal keeps who did what', () => {
  const at = new Date(NOW_MS).toISOString()
  const by = { tenant: 'default', keyId: 'env-admin', address: '127.0.0.1' }
  const change = { seq: 1, at, kind: 'change', status: 204, count: 1 } as const
  const event = { ...by, ...change, operation: 'revokeKey', target: 'k7m2w4qzt3ab' }
  for (const columns of [undefined, 100, 80, 60, 40, 20]) {
    const text = auditTable([event], [key], { ...LOOK, columns })
    expect(text).toMatch(/WHO +(.*\n.* )?env-admin/)
    expect(text).toMatch(/revoke/)
  }
})
