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
  expect(`\n${keyDetails(key, LOOK)}\n`).toMatchInlineSnapshot(`
    "
    key      af_1
    for      dashboard
    state    active
    tenant   acme
    scopes   tasks:read, fleet:read
    made     2026-01-31 11:00:05 UTC by ADMIN_KEY
    expires  2026-02-01 12:00:05 UTC
    "
  `)
})

test('the table of the audit log names each caller, and says how often an equal request was refused', () => {
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
  ]
  expect(`\n${auditTable(events, [key], LOOK)}\n`).toMatchInlineSnapshot(`
    "
    AT                       WHO        KEY   TENANT  OPERATION  ABOUT   FROM      RESULT
    2026-01-31 12:00:05 UTC  dashboard  af_1  acme    putAgent   writer  10.0.0.9  200
    2026-01-31 12:00:05 UTC  —          —     —       listTasks  —       —         401 unauthorized 3 times
    "
  `)
})
