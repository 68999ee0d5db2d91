/** The largest message of each channel, over a real NATS server. */
import {
  ALL_CHANNELS,
  CHANNELS,
  filledIn,
  PAYLOAD_MAX_BYTES,
  type Channel,
} from '@agentfleet/protocol'
import { eventually, startTestServers, type TestServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectBus, type Bus } from '../../src/index.ts'

const SOON_MS = 10_000
/** Why the first message of each channel was refused. */
const reasons = new Map<unknown, unknown>()
const log = {
  debug() {},
  info() {},
  warn(figures: { readonly channel?: unknown; readonly reason?: unknown }) {
    if (!reasons.has(figures.channel)) reasons.set(figures.channel, figures.reason)
  },
  error() {},
}
let servers: TestServers<'nats'>
let here: Bus
let there: Bus
const connect = (name: string): Promise<Bus> =>
  connectBus({ url: servers.nats.url, name, inboxPrefix: `_INBOX_${name}`, log })

beforeAll(async () => {
  servers = await startTestServers(['nats'])
  here = await connect('here')
  there = await connect('there')
})
afterAll(async () => {
  await Promise.all([here.close(), there.close()])
  await servers[Symbol.asyncDispose]()
})

const countOf = (bus: Bus, channel: string, outcome: string): number =>
  bus.figures().find((one) => one.channel === channel && one.outcome === outcome)?.count ?? 0

/** Channels whose largest message is the largest one that NATS accepts are bounded by NATS itself. */
const smaller = ALL_CHANNELS.filter(
  ({ kind, bytesMax }) => kind !== 'stream' && bytesMax < PAYLOAD_MAX_BYTES,
)

test.each(smaller.map((channel) => [channel.name, channel] as const))(
  'a message of the channel %s that is larger than the channel allows is refused before it is parsed',
  async (name, channel: Channel) => {
    let handled = 0
    // The handlers of the channels have different types.
    const listening = there.on(channel as typeof CHANNELS.gateway, () => void (handled += 1))
    expect(await there.roundTrip(SOON_MS)).toBe(true)
    here.publish(filledIn(channel.subject).replaceAll('*', 'n1'), 'x'.repeat(channel.bytesMax + 1))
    await eventually(() => expect(reasons.has(name)).toBe(true))
    expect(reasons.get(name)).toMatch(/bytes, more than/)
    listening.close()
    expect(handled).toBe(0)
  },
)

test('a message that is larger than its channel allows is not sent, and an answer neither', async () => {
  const large = 'x'.repeat(CHANNELS.cancel.bytesMax)
  const listening = there.on(CHANNELS.cancel, () => {
    return { kind: 'cancelled', more: large } as { kind: 'cancelled' }
  })
  expect(await there.roundTrip(SOON_MS)).toBe(true)
  const small = { taskId: 't', tenant: 'x', reason: 'r' }
  expect(await here.ask(CHANNELS.cancel, { ...small, reason: large }, SOON_MS)).toEqual({
    kind: 'too-large',
  })
  expect(await here.ask(CHANNELS.cancel, small, SOON_MS)).toMatchObject({
    kind: 'refused',
    code: 'reply-too-large',
  })
  listening.close()
  expect(here.send(CHANNELS.gateway, { id: large, tenants: 1 })).toBe(false)
  // Fewer characters than bytes are allowed, and more bytes.
  const umlauts = { ...small, reason: 'ü'.repeat(CHANNELS.cancel.bytesMax / 2 + 1) }
  expect(await here.ask(CHANNELS.cancel, umlauts, SOON_MS)).toEqual({ kind: 'too-large' })
})

test('a text that is larger than the server accepts is not sent, and the connection stays open', async () => {
  expect(here.publish('any.subject', 'x'.repeat(PAYLOAD_MAX_BYTES))).toBe(false)
  expect(await here.roundTrip(SOON_MS)).toBe(true)
})

test('the answers to one question together take bounded memory', async () => {
  const text = 'x'.repeat(1024 * 1024)
  const delta = { kind: 'text', attempt: 1, node: 'n', seq: 1, offset: 0, text }
  const listening = there.subscribe(CHANNELS.textSoFar.subject, (message) => {
    for (let at = 0; at < 40; at += 1) message.respond(JSON.stringify(delta))
  })
  expect(await there.roundTrip(SOON_MS)).toBe(true)
  const answers = await here.gather(CHANNELS.textSoFar, { taskId: 't' }, SOON_MS)
  listening.close()
  expect(answers).toHaveLength(31)
  expect(countOf(here, 'text-so-far', 'refused')).toBe(1)
})
