import type { Principal } from '@agentfleet/domain'
import { FORMATS, toStored } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { createTicketUse } from '../../src/principals/ticket-routes.ts'

const TICKET = `aft_${'x'.repeat(43)}`
const CALLER: Principal = { keyId: 'k1', tenant: 'acme', scopes: ['tasks:read'] }
const quiet = (): void => undefined

function useOf(text: string | undefined) {
  const lines: unknown[] = []
  const use = createTicketUse({
    tickets: { useTicket: async () => text },
    refreshed: (principal) => principal,
    mayCheck: () => true,
    log: { debug: quiet, info: quiet, warn: (_, line) => void lines.push(line), error: quiet },
  })
  return { lines, caller: () => use(TICKET, '127.0.0.1') }
}

test('a ticket stands for the caller that it was stored with, with or without a format number', async () => {
  expect(await useOf(toStored(CALLER, 'ticket')).caller()).toEqual(CALLER)
  expect(await useOf(JSON.stringify(CALLER)).caller()).toEqual(CALLER)
  expect(await useOf(undefined).caller()).toBeUndefined()
})

test.each([
  '',
  '{nonsense',
  'null',
  '{"keyId":1,"tenant":"acme","scopes":[]}',
  '{"keyId":"k1","tenant":"acme","scopes":"tasks:read"}',
  JSON.stringify({ ...CALLER, format: FORMATS.ticket + 1 }),
])('a ticket that reads %j opens nothing, and the log says so', async (text) => {
  const { lines, caller } = useOf(text)
  expect(await caller()).toBeUndefined()
  expect(lines).toEqual(['The gateway refused a ticket that it cannot read'])
})
