import { expect, test } from 'vitest'
import { setup } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const CONFIG = { ADMIN_KEY: ADMIN }

test('wrong keys beyond the limit of their address get 429, and a right key from the same address is accepted at once', async () => {
  await using bench = await setup(CONFIG)
  const ask = (key: string) =>
    fetch(`${bench.gateway.url()}/v1/me`, { headers: { authorization: `Bearer ${key}` } })
  const statuses: number[] = []
  for (let tries = 0; tries < 30; tries += 1) statuses.push((await ask('wrong')).status)
  expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401))
  expect(statuses.at(-1)).toBe(429)
  const refused = await ask('wrong')
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await refused.json()).toMatchObject({ code: 'too-many-failures', status: 429 })
  expect((await ask(ADMIN)).status).toBe(200)
})
