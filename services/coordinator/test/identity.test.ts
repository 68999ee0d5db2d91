/**
 * L9 on a real server: a node may connect only under its own name, and may receive and send only messages
 * about itself.
 */
import { ackForNodes, openIdentities, openPointerAcks, openTaskLog } from '@agentfleet/adapters'
import { CHANNELS, inboxPrefix, subjectOf, SUBJECTS } from '@agentfleet/protocol'
import { eventually, startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectNode, log, SOON_MS, startVouching } from './vouching.ts'

const REFUSED_AFTER_MS = 500
let servers: SecuredServers
const vouching: { drain(deadlineMs: number): Promise<void> }[] = []

beforeAll(async () => {
  servers = await startSecuredServers({ log })
  await vouch()
})
afterAll(async () => {
  for (const one of vouching) await one.drain(1_000)
  await servers[Symbol.asyncDispose]()
})

/** A coordinator's part that vouches, as the coordinator's own user. */
async function vouch() {
  vouching.push(await startVouching(servers, await servers.connect('coordinator')))
}

const node = (id: string, options?: Parameters<typeof connectNode>[2]) =>
  connectNode(servers, id, options)

test('a node receives its own dispatches, and cannot listen to the dispatches of another node', async () => {
  const [a, b] = [await node('node-a'), await node('node-b')]
  const heard: string[] = []
  const take = (name: string) => () => void heard.push(name)
  const ofA = subjectOf(CHANNELS.dispatch, { nodeId: 'node-a' })
  a.subscribe(ofA, take('a'))
  b.subscribe(ofA, take('spy'))
  b.subscribe('node.*.dispatch', take('spy'))
  b.subscribe(`${inboxPrefix('worker', 'node-a')}.>`, take('spy'))
  b.subscribe('_INBOX_worker.>', take('spy'))
  await Promise.all([a.roundTrip(SOON_MS), b.roundTrip(SOON_MS)])
  await eventually(() => expect(b.refused.length).toBeGreaterThanOrEqual(4))
  const balancer = await servers.connect('load-balancer')
  balancer.publish(ofA, 'a task')
  await eventually(() => expect(heard).toContain('a'))
  await Promise.all([a.roundTrip(SOON_MS), b.roundTrip(SOON_MS)])
  expect(heard).toEqual(['a'])
})

test('a node cannot send reports, heartbeats or figures in the name of another node', async () => {
  const spy: string[] = []
  const subjects = [
    subjectOf(CHANNELS.report, { nodeId: 'node-c' }),
    subjectOf(CHANNELS.heartbeat, { nodeId: 'node-c' }),
    subjectOf(CHANNELS.load, { nodeId: 'node-c' }),
    subjectOf(CHANNELS.providers, { nodeId: 'node-c' }),
  ]
  for (const subject of subjects)
    servers.bus.subscribe(subject, (message) => void spy.push(message.text()))
  await servers.bus.roundTrip(SOON_MS)
  const [c, d] = [await node('node-c'), await node('node-d')]
  for (const subject of subjects) {
    d.publish(subject, 'forged')
    c.publish(subject, 'own')
  }
  await Promise.all([c.roundTrip(SOON_MS), d.roundTrip(SOON_MS)])
  await eventually(() => expect(d.refused).toHaveLength(subjects.length))
  await servers.bus.roundTrip(SOON_MS)
  expect(spy).toEqual(subjects.map(() => 'own'))
  expect(c.refused).toEqual([])
})

test('a node cannot make nats-server purge the log with the answer to an ack, and a service acks for it', async () => {
  const { bus } = servers
  const taskLog = openTaskLog(bus)
  const fill = async () => (await taskLog.fill()).messages
  bus.publish(SUBJECTS.log('kept'), '{}')
  await eventually(async () => expect(await fill()).toBe(1))
  const acked: string[] = []
  bus.subscribe('$JS.ACK.>', (message) => void acked.push(message.text()))
  const subject = '$JS.ACK.TASKS.tenant.1.1.1.1.0'
  const balancer = await servers.connect('load-balancer')
  ackForNodes(balancer)
  await Promise.all([bus.roundTrip(SOON_MS), balancer.roundTrip(SOON_MS)])
  const f = await node('node-ack')
  f.nats.publish(subject, '+ACK', { reply: '$JS.API.STREAM.PURGE.LOG' })
  f.nats.publish(subject, '+NXT')
  const acks = openPointerAcks(f, 'node-ack')
  acks.done(subject)
  acks.renew('log.kept')
  acks.renew('$JS.API.STREAM.PURGE.LOG')
  acks.flush()
  const own = subjectOf(CHANNELS.acks, { nodeId: 'node-ack' })
  f.nats.publish(own, JSON.stringify({ nodeId: 'node-ack', acks: [{ subject, say: '+NXT' }] }))
  await eventually(() => expect(f.refused).toHaveLength(2))
  await Promise.all([f.roundTrip(SOON_MS), balancer.roundTrip(SOON_MS)])
  await eventually(() => expect(acked).toEqual(['+ACK']))
  expect(await fill()).toBe(1)
})

test('a node name can be used only with the secret that used it first, even when another coordinator checks the login', async () => {
  await node('node-e')
  const refused = { code: 'bus-unavailable' }
  const thief = { secret: 'secret-of-a-thief-0123456789', withinMs: REFUSED_AFTER_MS }
  await expect(node('node-e', thief)).rejects.toMatchObject(refused)
  await vouch()
  await vouching[0]?.drain(1_000)
  await expect(node('node-e', thief)).rejects.toMatchObject(refused)
  // Its own process, after a restart of its container.
  await node('node-e')
})

test('a node without the shared password of the nodes cannot log in under any name', async () => {
  const wrong = { password: 'wrong', withinMs: REFUSED_AFTER_MS }
  await expect(node('node-f', wrong)).rejects.toMatchObject({ code: 'bus-unavailable' })
  const identities = openIdentities(servers.bus)
  expect(await identities.known('node-f')).toBeUndefined()
})

test('while no coordinator answers logins, connected nodes keep working, and a new node connects as soon as a coordinator answers', async () => {
  const old = await node('node-g')
  for (const part of vouching.splice(0)) await part.drain(1_000)
  expect(await old.roundTrip(SOON_MS)).toBe(true)
  const waiting = node('node-h', { withinMs: 30_000 })
  let inside = false
  void waiting.then(() => (inside = true))
  expect(await old.roundTrip(SOON_MS)).toBe(true)
  expect(inside).toBe(false)
  await vouch()
  await waiting
  // A restarted server knows no node: nodes come back by themselves.
  await servers.nats.restart()
  await eventually(async () => expect(await old.roundTrip(1_000)).toBe(true), 30_000)
})
