import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createClient, createProgress } from '../src/index.ts'

test.each([
  ['the events of a task', { nextAfter: 1 }],
  ['schedules', { nextCursor: 'a' }],
] as const)(
  'a list of %s that a server never ends gives an error and does not fill the memory',
  async (_name, next) => {
    let asked = 0
    const server = createServer((_request, response) => {
      asked += 1
      response.end(JSON.stringify({ events: [{ seq: 1 }], schedules: [{}], ...next }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = createClient({ baseUrl: `http://127.0.0.1:${port}` })
    const read = 'nextAfter' in next ? client.events('a') : client.schedules()
    await expect(read).rejects.toMatchObject({ problem: { title: 'The list does not end' } })
    expect(asked).toBe(2)
    server.closeAllConnections()
    server.close()
  },
)

test('a list whose server names a new page for ever ends after 10,000 pages', () => {
  const requireProgress = createProgress()
  for (let page = 1; page < 10_000; page += 1) requireProgress(page)
  expect(() => requireProgress(10_000)).toThrow(/too many pages/)
  const goingBack = createProgress(7)
  expect(() => goingBack(6)).toThrow(/was read already/)
})
