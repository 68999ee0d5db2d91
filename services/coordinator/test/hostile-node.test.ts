/**
 * L9 against a node that an attacker controls: it has the rights of a node, and uses the bus by hand.
 */
import type { Bus, BusMessage } from '@agentfleet/adapters'
import { CHANNELS, subjectOf } from '@agentfleet/protocol'
import { eventually, startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectNode, log, SOON_MS, startVouching, type ConnectedNode } from './vouching.ts'

let servers: SecuredServers
let coordinator: Bus
let node: ConnectedNode

beforeAll(async () => {
  servers = await startSecuredServers({ log })
  coordinator = await servers.connect('coordinator')
  await startVouching(servers, coordinator)
  node = await connectNode(servers, 'node-x')
})
afterAll(() => servers[Symbol.asyncDispose]())

test('a node cannot make a coordinator publish an answer to the log, the JetStream API or the inbox of another service', async () => {
  const js = servers.bus.nats.jetstream()
  await js.publish('log.task-a', 'an event')
  const handled: string[] = []
  coordinator.on(CHANNELS.report, (_, { reply }) => {
    handled.push(reply)
    return { outcomes: [] }
  })
  const heard: string[] = []
  for (const subject of ['log.>', 'tasks.>', '_INBOX_gateway.>', '_INBOX_coordinator.ack.guess']) {
    servers.bus.subscribe(subject, (message) => void heard.push(message.subject))
  }
  await Promise.all([coordinator.roundTrip(SOON_MS), servers.bus.roundTrip(SOON_MS)])
  const report = subjectOf(CHANNELS.report, { nodeId: 'node-x' })
  const body = { nodeId: 'node-x', items: [] }
  for (const reply of [
    'log.task-b',
    'tasks.normal.other.task-b',
    '$JS.API.STREAM.PURGE.LOG',
    '$JS.API.STREAM.MSG.DELETE.LOG',
    '_INBOX_gateway.req.guess',
    '_INBOX_coordinator.ack.guess',
  ]) {
    node.publish(report, JSON.stringify(body), reply)
  }
  const honest = await node.ask(CHANNELS.report, body, SOON_MS, { nodeId: 'node-x' })
  expect(honest).toEqual({ kind: 'reply', body: { outcomes: [] } })
  await coordinator.roundTrip(SOON_MS)
  await servers.bus.roundTrip(SOON_MS)
  expect(handled).toHaveLength(1)
  expect(heard).toEqual([])
  const { state } = await (await servers.bus.nats.jetstreamManager()).streams.info('LOG')
  expect(state).toMatchObject({ messages: 1, last_seq: 1 })
})

test('a node that gets a request can answer this request once, and no other request of the same sender', async () => {
  const seen: BusMessage[] = []
  node.subscribe(CHANNELS.runs.subject, (message) => void seen.push(message))
  await node.roundTrip(SOON_MS)
  const answers: string[] = []
  const ask = (): Promise<unknown> =>
    coordinator.collect(CHANNELS.runs.subject, '{"taskIds":[]}', 1_000, (text) => {
      answers.push(text)
      return false
    })
  const [first, second] = [ask(), ask()]
  await eventually(() => expect(seen).toHaveLength(2))
  const [a, b] = seen.map(({ reply }) => reply.split('.'))
  expect(a?.slice(0, -1)).toEqual(b?.slice(0, -1))
  // 144 random bits: nothing of the next key follows from this one.
  expect(a?.at(-1)).toHaveLength(24)
  expect(b?.at(-1)?.slice(0, 6)).not.toBe(a?.at(-1)?.slice(0, 6))

  seen[0]?.respond('honest')
  seen[0]?.respond('a second answer')
  node.publish([...(a ?? []).slice(0, -1), '0'].join('.'), 'forged')
  node.publish('_INBOX_gateway.req.any', 'forged')
  await node.roundTrip(SOON_MS)
  await Promise.all([first, second])
  expect(answers).toEqual(['honest'])
  await eventually(() => expect(node.refused).toHaveLength(3))
})
