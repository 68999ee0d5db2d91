import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { connectBus } from '../../src/index.ts'

const USER = { user: 'service', password: 'a-password' }

test('a connection attempt that a process has given up does not reach a NATS server that was frozen meanwhile', async () => {
  await using servers = await startTestServers(['nats'], { users: [USER] })
  const { nats } = servers
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const bus = await connectBus({ ...USER, url: nats.url, name: 'p', inboxPrefix: '_INBOX_p', log })
  await using _closed = { [Symbol.asyncDispose]: () => bus.close() }
  const attempts: string[] = []
  const watched = bus.nats.status()
  void (async () => {
    for await (const { type } of watched) if (type === 'reconnecting') attempts.push(type)
  })()
  const { http } = JSON.parse(await readFile(join(servers.dir, 'nats', 'nats.conf'), 'utf8')) as {
    http: string
  }
  const connections = async (): Promise<number> => {
    const answer = await fetch(`http://${http}/connz`)
    return ((await answer.json()) as { total: number }).total
  }

  nats.kill('SIGSTOP')
  await bus.nats.reconnect()
  await eventually(() => expect(attempts.length).toBeGreaterThan(1))
  nats.kill('SIGCONT')
  await eventually(() => expect(bus.connected()).toBe(true))
  let received = 0
  bus.subscribe('s', () => (received += 1))
  // An abandoned attempt would take part until the server demands its password, after two seconds.
  await eventually(async () => expect(await connections()).toBe(1))
  bus.publish('s', 'text')
  await bus.roundTrip(5_000)
  expect(received).toBe(1)
})
