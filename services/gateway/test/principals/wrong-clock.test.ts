import type { KeyCreated, TaskView, TicketView } from '@agentfleet/protocol'
import { systemClock } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'
import { claimsOf, startIssuer } from './issuer.ts'

/** A gateway on a machine whose clock is wrong: keys, tokens, tickets and tasks count by the time of the log. */
const ADMIN = 'the-admin-key-of-this-test-0123456789'
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** An expiry that a busy machine does not miss, milliseconds. */
const BRIEF_MS = 4_000

test.each([
  ['ahead', DAY_MS],
  ['behind', -DAY_MS],
])(
  'a gateway whose clock is a day %s accepts and refuses keys and tokens like the other gateways',
  async (_, aheadMs) => {
    await using issuer = await startIssuer()
    await using bench = await setup({ ADMIN_KEY: ADMIN, ...issuer.variables })
    const { monotonicMs } = systemClock
    const wrong = await bench.onMachine({ nowMs: () => Date.now() + aheadMs, monotonicMs })
    const ask = async (path: string, key: string, body?: object, method = 'POST') => {
      const answer = await fetch(`${wrong.url()}${path}`, {
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: answer.status, body: (await answer.json()) as object }
    }
    const me = (key: string) => ask('/v1/me', key, undefined, 'GET')
    const make = async (lifetimeMs: number) => {
      const made = await ask('/v1/keys', ADMIN, {
        name: 'k',
        tenant: 'acme',
        scopes: ['tasks:read', 'tasks:write'],
        expiresAt: new Date(Date.now() + lifetimeMs).toISOString(),
      })
      expect(made.status).toBe(201)
      return made.body as KeyCreated
    }

    const { key, state } = await make(HOUR_MS)
    expect(state).toBe('active')
    expect((await me(key)).status).toBe(200)
    const brief = await make(BRIEF_MS)
    await eventually(async () => expect((await me(brief.key)).status).toBe(401), 5 * BRIEF_MS)

    const tokenFor = (lifetimeMs: number) =>
      issuer.sign(claimsOf('acme', 'tasks:read'), {
        expiresAtS: Math.floor((Date.now() + lifetimeMs) / 1_000),
      })
    expect((await me(await tokenFor(HOUR_MS))).status).toBe(200)
    expect((await me(await tokenFor(-HOUR_MS))).status).toBe(401)

    const ticket = (await ask('/v1/tickets', key)).body as TicketView
    expect(Math.abs(Date.parse(ticket.expiresAt) - Date.now())).toBeLessThan(HOUR_MS)
    const notBefore = new Date(Date.now() + HOUR_MS).toISOString()
    const task = await ask('/v1/tasks', key, { task: 'x', notBefore })
    expect(task.status).toBe(202)
    const { createdAt } = task.body as TaskView
    expect(Math.abs(Date.parse(createdAt) - Date.now())).toBeLessThan(HOUR_MS)
  },
  60_000,
)
