import { CHANNELS, subjectOf, type Outcome, type ReportItem } from '@agentfleet/protocol'
import { eventually, heartbeatOf, startTestServers, type TestServers } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connectBus, type Bus, type Logger } from '../../src/index.ts'

/** Channels between two connections to a real NATS server. */
const SOON_MS = 15_000
let servers: TestServers<'nats'>
let here: Bus
let there: Bus
const lines: { text: string; figures: object }[] = []
const open: { close(): void }[] = []
const log: Logger = {
  debug() {},
  info() {},
  warn: (figures, text = '') => void lines.push({ figures, text }),
  error: (figures, text = '') => void lines.push({ figures, text }),
}
const connect = (name: string): Promise<Bus> =>
  connectBus({ url: servers.nats.url, name, inboxPrefix: `_INBOX_${name}`, log })

beforeAll(async () => {
  servers = await startTestServers(['nats'])
  here = await connect('here')
  there = await connect('there')
})
afterEach(async () => {
  for (const each of open.splice(0)) each.close()
  lines.length = 0
  // Until the server knows of it, it hands messages to a listener that is closed.
  expect(await there.roundTrip(SOON_MS)).toBe(true)
})
afterAll(async () => {
  await Promise.all([here.close(), there.close()])
  await servers[Symbol.asyncDispose]()
})

/** Listens over the other connection, and waits until the server knows the subscription. */
async function listen(...listening: { close(): void }[]): Promise<void> {
  open.push(...listening)
  expect(await there.roundTrip(SOON_MS)).toBe(true)
}

const countOf = (bus: Bus, channel: string, outcome: string): number =>
  bus.figures().find((one) => one.channel === channel && one.outcome === outcome)?.count ?? 0
const rawAnswer = async (subject: string, text: string): Promise<string> => {
  const answer = await here.request(subject, text, SOON_MS)
  return answer.kind === 'reply' ? answer.text : answer.kind
}
const begin = (taskId: string): ReportItem => ({ op: 'begin', taskId, claim: 'c', reportId: 'r' })
const result = (taskId: string, text: string): ReportItem => ({
  op: 'complete',
  taskId,
  claim: 'c',
  reportId: 'r',
  expect: 1,
  attempt: 1,
  result: text,
  usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
})
const failedWith = (message: string): Outcome => ({
  kind: 'rejected',
  error: { code: 'x', message },
})

describe('an unreadable message on the bus', () => {
  it.each([
    ['is not JSON', '{nonsense', 'not JSON'],
    ['has the wrong shape', '{"taskId":7}', 'taskId: '],
    ['is JSON without fields', 'null', ': '],
  ])('is refused when it %s, and its sender gets an error', async (_, text, reason) => {
    let handled = 0
    await listen(
      there.on(CHANNELS.cancel, () => {
        handled += 1
        return { kind: 'cancelled' }
      }),
    )
    const before = countOf(there, 'cancel', 'refused')
    const answer = await rawAnswer('coordinator.cancel', text)
    expect(JSON.parse(answer)).toMatchObject({ refused: { code: 'bad-message' } })
    expect(answer).toContain(reason)
    expect(handled).toBe(0)
    expect(countOf(there, 'cancel', 'refused')).toBe(before + 1)
  })

  it('is logged together with similar messages in one line that contains their number', async () => {
    await listen(there.on(CHANNELS.snapshot, () => undefined))
    for (let i = 0; i < 50; i += 1) here.publish('fleet.snapshot', '{}')
    await eventually(() => expect(countOf(there, 'snapshot', 'refused')).toBe(50))
    expect(
      lines.filter(({ text }) => text === 'The process refused a message that it cannot read'),
    ).toHaveLength(1)
  })

  it("is refused when a node sends it in another node's name", async () => {
    const heard: string[] = []
    await listen(there.on(CHANNELS.load, ({ nodeId }) => void heard.push(nodeId)))
    for (const nodeId of ['n1', 'n2']) {
      here.send(CHANNELS.load, { ...heartbeatOf(nodeId), ended: [] }, { nodeId: 'n2' })
    }
    await eventually(() => expect(heard).toEqual(['n2']))
    expect(countOf(there, 'load', 'refused')).toBe(1)
  })
})

describe('a message on the bus', () => {
  it('may have fields that this release does not know', async () => {
    const heard: object[] = []
    await listen(there.on(CHANNELS.stopAnywhere, (stop) => void heard.push(stop)))
    here.publish('fleet.stop', '{"taskIds":["a"],"since":"a later release"}')
    await eventually(() => expect(heard).toEqual([{ taskIds: ['a'] }]))
  })

  it('reaches only listeners that listen to the same parameter', async () => {
    const heard: string[] = []
    const stop = ({ taskIds }: { taskIds: string[] }): void => void heard.push(...taskIds)
    await listen(there.on(CHANNELS.stop, stop, { where: { nodeId: 'n1' } }))
    here.send(CHANNELS.stop, { taskIds: ['other'] }, { nodeId: 'n2' })
    here.send(CHANNELS.stop, { taskIds: ['own'] }, { nodeId: 'n1' })
    await eventually(() => expect(heard).toEqual(['own']))
    expect(subjectOf(CHANNELS.stop, { nodeId: 'n1' })).toBe('node.n1.stop')
  })
})

describe('an unreadable item of a batch', () => {
  it('leaves its place in the request empty, and the handler gets the other items', async () => {
    await listen(
      there.on(CHANNELS.report, ({ items }) => ({
        outcomes: items.map((item): Outcome =>
          item === undefined ? failedWith('unread') : { kind: 'finished' },
        ),
      })),
    )
    const items = [begin('a'), { ...begin('b'), claim: 7 }, null, begin('d')]
    const answer = await rawAnswer('coordinator.report.n', JSON.stringify({ nodeId: 'n', items }))
    const kinds = ['finished', 'rejected', 'rejected', 'finished']
    expect(JSON.parse(answer)).toMatchObject({ outcomes: kinds.map((kind) => ({ kind })) })
    expect(countOf(there, 'report', 'item-refused')).toBe(2)
    expect(countOf(there, 'report', 'refused')).toBe(0)
  })

  it('leaves its place in the answer empty, and the caller gets the other items', async () => {
    await listen(
      there.subscribe('coordinator.report.n', (message) => {
        message.respond('{"outcomes":[{"kind":"finished"},{"kind":"of a later release"}]}')
      }),
    )
    const items = [begin('a'), begin('b')]
    expect(
      await here.ask(CHANNELS.report, { nodeId: 'n', items }, SOON_MS, { nodeId: 'n' }),
    ).toEqual({ kind: 'reply', body: { outcomes: [{ kind: 'finished' }, undefined] } })
  })
})

describe('a request over the bus', () => {
  it('is answered at once when its handler fails', async () => {
    await listen(
      there.on(CHANNELS.cancel, async () => {
        throw new Error('broken')
      }),
    )
    const ask = { taskId: 't', tenant: 't', reason: 'r' }
    expect(await here.ask(CHANNELS.cancel, ask, SOON_MS)).toMatchObject({
      kind: 'refused',
      code: 'handler-failed',
    })
    expect(countOf(there, 'cancel', 'failed')).toBe(1)
  })

  it('fails at once when no listener exists, and times out when no listener answers', async () => {
    const ask = { taskId: 't', tenant: 't', reason: 'r' }
    expect(await here.ask(CHANNELS.cancel, ask, SOON_MS)).toEqual({ kind: 'no-responders' })
    await listen(there.on(CHANNELS.cancel, () => new Promise<never>(() => undefined)))
    expect(await here.ask(CHANNELS.cancel, ask, 100)).toEqual({ kind: 'timeout' })
  })

  it('refuses an unreadable answer', async () => {
    await listen(
      there.subscribe('coordinator.cancel', (message) => void message.respond('{"kind":1}')),
    )
    const ask = { taskId: 't', tenant: 't', reason: 'r' }
    expect(await here.ask(CHANNELS.cancel, ask, SOON_MS)).toMatchObject({
      kind: 'refused',
      code: 'bad-reply',
    })
  })

  it('to all listeners returns all readable answers', async () => {
    const question = { taskIds: ['a', 'b'] }
    await listen(
      there.on(CHANNELS.runs, ({ taskIds }) => ({
        nodeId: 'n1',
        runs: taskIds.map((taskId) => ({ taskId, token: 1, claim: 'c' })),
      })),
      there.on(CHANNELS.runs, () => undefined),
      there.subscribe('fleet.runs', (message) => void message.respond('{"runs":7}')),
    )
    const answers = await here.gather(CHANNELS.runs, question, 200)
    expect(answers).toEqual([
      {
        nodeId: 'n1',
        runs: [
          { taskId: 'a', token: 1, claim: 'c' },
          { taskId: 'b', token: 1, claim: 'c' },
        ],
      },
    ])
  })
})

describe('the size limit of messages on the bus', () => {
  const MIB = 1024 ** 2

  it('comes from the server: a larger message is not sent, and the caller gets an error', async () => {
    const max = here.payloadMax()
    expect(max).toBeGreaterThan(7 * MIB)
    expect(here.publish('fleet.any', 'x'.repeat(max))).toBe(true)
    expect(here.publish('fleet.any', 'ä'.repeat(max / 2 + 1))).toBe(false)
    const items = [result('a', 'x'.repeat(9 * MIB))]
    const answer = await here.ask(CHANNELS.report, { nodeId: 'n', items }, SOON_MS, { nodeId: 'n' })
    expect(answer).toEqual({ kind: 'too-large' })
    expect(here.connected()).toBe(true)
  })

  it('makes the bus split the items of a request into several messages and send each large item alone', () => {
    const items = [
      result('a', 'x'.repeat(0.6 * MIB)),
      begin('b'),
      // As large as the first item, in half as many characters.
      result('c', 'ä'.repeat(0.3 * MIB)),
      result('d', 'y'.repeat(3 * MIB)),
    ]
    const messages = here.pack(CHANNELS.report, { nodeId: 'n', items })
    expect(messages.map(({ first, count }) => [first, count])).toEqual([
      [0, 2],
      [2, 1],
      [3, 1],
    ])
    const back = messages.flatMap(({ text }) => (JSON.parse(text) as { items: unknown[] }).items)
    expect(back).toEqual(items)
    expect(here.pack(CHANNELS.report, { nodeId: 'n', items: [] })).toHaveLength(1)
  })

  it('makes the bus split a hint (a message without an answer) with many items into several messages', async () => {
    const heard: number[] = []
    await listen(there.on(CHANNELS.load, ({ ended }) => void heard.push(ended.length)))
    const ended = Array.from({ length: 90_000 }, (_, i) => `${i}`.padStart(100, 't'))
    const load = { ...heartbeatOf('n'), ended }
    expect(here.send(CHANNELS.load, load, { nodeId: 'n' })).toBe(true)
    await eventually(() => expect(heard.reduce((sum, count) => sum + count, 0)).toBe(ended.length))
    expect(heard.length).toBeGreaterThan(8)
  })

  it('makes the bus split an answer, and the caller puts the parts together in order', async () => {
    const text = 'x'.repeat(0.4 * MIB)
    await listen(
      there.on(CHANNELS.report, ({ items }) => ({
        outcomes: items.map((_, at) => failedWith(`${at}${text}`)),
      })),
    )
    const items = Array.from({ length: 50 }, (_, at) => begin(`t${at}`))
    const answer = await here.ask(CHANNELS.report, { nodeId: 'n', items }, SOON_MS, { nodeId: 'n' })
    if (answer.kind !== 'reply') throw new Error(answer.kind)
    const { outcomes } = answer.body
    expect(outcomes).toHaveLength(50)
    expect(
      outcomes.every(
        (one, at) => one?.kind === 'rejected' && one.error.message.startsWith(`${at}x`),
      ),
    ).toBe(true)
  })

  it('leaves the place of an item empty if the item is too large for any answer, and the caller gets the other items', async () => {
    await listen(
      there.on(CHANNELS.report, ({ items }) => ({
        outcomes: items.map((_, at) => failedWith(at === 1 ? 'x'.repeat(9 * MIB) : 'small')),
      })),
    )
    const items = [begin('a'), begin('b'), begin('c')]
    const answer = await here.ask(CHANNELS.report, { nodeId: 'n', items }, SOON_MS, { nodeId: 'n' })
    expect(answer).toEqual({
      kind: 'reply',
      body: { outcomes: [failedWith('small'), undefined, failedWith('small')] },
    })
    expect(countOf(there, 'report', 'too-large')).toBe(1)
    expect(there.connected()).toBe(true)
  })

  it('makes the caller ignore a part that names an impossible place', async () => {
    const places = [
      { from: 4_294_967_294, of: 2 },
      { from: -1, of: 2 },
      { from: 0.5, of: 2 },
      { from: 0, of: 1e9 },
      { from: 1, of: 1 },
    ]
    await listen(
      there.subscribe('coordinator.report.n', (message) => {
        for (const part of places)
          message.respond(JSON.stringify({ part, outcomes: [failedWith('no')] }))
        for (const at of [0, 1]) {
          const part = { from: at, of: 2 }
          message.respond(JSON.stringify({ part, outcomes: [failedWith(`${at}`)] }))
        }
      }),
    )
    const items = [begin('a'), begin('b')]
    const answer = await here.ask(CHANNELS.report, { nodeId: 'n', items }, SOON_MS, { nodeId: 'n' })
    expect(answer).toEqual({
      kind: 'reply',
      body: { outcomes: [failedWith('0'), failedWith('1')] },
    })
  })
})
