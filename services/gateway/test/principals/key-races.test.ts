import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { setup } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const ROTATIONS = 40
const OVERLAP_S = 60

async function statusAt(url: string, key: string): Promise<number> {
  const answer = await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${key}` } })
  await answer.text()
  return answer.status
}

test('forty rotations of a key at two gateways at once all succeed, two secrets stay valid, and the audit log has each rotation', async () => {
  await using bench = await setup({ ADMIN_KEY: ADMIN })
  const other = await bench.another()
  const urls = [bench.gateway.url(), other.url()]
  const admin = bench.client(ADMIN)
  const made = await admin.createKey({ name: 'ci', tenant: 'acme', scopes: ['tasks:read'] })
  const answers = await Promise.all(
    Array.from({ length: ROTATIONS }, async (_, at) => {
      const answer = await fetch(`${urls[at % 2]}/v1/keys/${made.id}/rotate`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ overlapSeconds: OVERLAP_S }),
      })
      return { status: answer.status, key: ((await answer.json()) as { key?: string }).key ?? '' }
    }),
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  const secrets = [made.key, ...answers.map(({ key }) => key)]
  for (const url of urls) {
    await eventually(async () => {
      const statuses = await Promise.all(secrets.map((each) => statusAt(url, each)))
      expect(statuses.filter((status) => status === 200)).toHaveLength(2)
    })
  }
  const { events } = await admin.audit({ operation: 'rotateKey', limit: 100 })
  expect(events.filter(({ target }) => target === made.id)).toHaveLength(ROTATIONS)
})
