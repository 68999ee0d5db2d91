import type { KeyView } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { keyDetails, keyTable } from '../../src/render/key-views.ts'
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
    KEY   STATE   TENANT  MADE          EXPIRES       SCOPES                  FOR
    af_1  active  acme    1 h 00 m ago  in 24 h 00 m  tasks:read, fleet:read  dashboard
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
