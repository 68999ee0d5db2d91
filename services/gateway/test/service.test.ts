import type { WatchFrame } from '@agentfleet/client'
import { CHANNELS, type TaskRequest } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { nextPointer, setup, type GatewayBench } from './support.ts'

/** Shared by the tests that do not change the servers and the gateway. */
let shared: GatewayBench
beforeAll(async () => {
  shared = await setup()
})
afterAll(() => shared[Symbol.asyncDispose]())

test('L1: an accepted task is in the log, and its pointer is issued', async () => {
  const bench = shared
  const pointer = await nextPointer(bench.bus, 'accepted')
  const task = await bench.client().submit({ task: 'accepted', priority: 'high' })
  expect(task).toMatchObject({ state: 'queued', agent: 'assistant', priority: 'high' })
  expect((await bench.taskLog.record(task.id))?.seq).toBe(task.seq)
  expect(await pointer()).toMatchObject({
    taskId: task.id,
    tenant: 'default',
    seq: task.seq,
    reissue: false,
    spec: { task: 'accepted' },
  })
})

test('L1: a hundred concurrent submissions under one idempotency key create one task, and another body is refused', async () => {
  const bench = shared
  const client = bench.client()
  const same = { idempotencyKey: 'k' }
  const tasks = await Promise.all(
    Array.from({ length: 100 }, () => client.submit({ task: 'once' }, same)),
  )
  expect(new Set(tasks.map(({ id }) => id)).size).toBe(1)
  const [task] = tasks
  if (task === undefined) throw new Error('there are a hundred')
  expect(await bench.taskLog.history(task.id)).toHaveLength(1)
  await expect(client.submit({ task: 'other' }, same)).rejects.toMatchObject({
    status: 422,
    problem: { code: 'idempotency-key-reused' },
  })
  await bench.complete(task, 'done')
  expect(await client.submit({ task: 'once' }, same)).toMatchObject({ state: 'completed' })
})

test('a held request is answered with the result of its task', async () => {
  const bench = shared
  const pointer = await nextPointer(bench.bus, 'held')
  const answer = bench.client().submit({ task: 'held' }, { waitSeconds: 30 })
  const { taskId: id, seq } = await pointer()
  await bench.complete({ id, seq }, { text: 'hello' })
  expect(await answer).toMatchObject({
    id,
    state: 'completed',
    node: 'n1',
    result: { text: 'hello' },
    usage: { outputTokens: 5 },
  })
})

test('the answer to a batch has one outcome for each task, in the order of the batch', async () => {
  const bench = shared
  const client = bench.client()
  await client.submit({ task: 'a' }, { idempotencyKey: 'taken' })
  const results = await client.submitBatch([
    { task: 'b' },
    { task: 'c', idempotencyKey: 'taken' },
    { task: 'a', idempotencyKey: 'taken' },
  ])
  expect(results.map(({ status }) => status)).toEqual([202, 422, 202])
})

test('the gateway checks each task of a batch separately, and a task may depend on an earlier task of the batch', async () => {
  const bench = shared
  const client = bench.client()
  const tasks = [
    { task: 'a' },
    { task: 'b', dependsOn: ['#0'] },
    { task: '', priority: 'urgent' },
    { task: 'd', dependsOn: ['#2'] },
    { task: 'e', dependsOn: ['#5'] },
    { task: 'f', dependsOn: ['#1', '#0'], idempotencyKey: 'f' },
  ] as TaskRequest[]
  const results = await client.submitBatch(tasks)
  expect(results.map(({ status }) => status)).toEqual([202, 202, 400, 422, 400, 202])
  expect(results.map(({ problem }) => problem?.code)).toEqual([
    undefined,
    undefined,
    'invalid-request',
    'unknown-dependency',
    'invalid-request',
    undefined,
  ])
  const [first, second, , , , last] = results.map(({ taskId }) => taskId ?? '')
  expect(await client.get(second ?? '')).toMatchObject({ state: 'waiting', dependsOn: [first] })
  expect(await client.get(last ?? '')).toMatchObject({ dependsOn: [second, first] })
  // L1: under its key it is the same task, though what it refers to is another one now.
  const again = await client.submitBatch(tasks)
  expect(again[5]).toMatchObject({ status: 202, taskId: last })
})

test('L5: a stream replays stored events and then sends new events live, each event once and in order', async () => {
  const bench = shared
  const client = bench.client()
  const task = await client.submit({ task: 'write' })
  const frames: WatchFrame[] = []
  const watching = (async () => {
    for await (const frame of client.watch([task.id], { deltas: true })) frames.push(frame)
  })()
  await eventually(() => expect(frames).toHaveLength(1))
  const piece = { attempt: 1, node: 'n1', seq: task.seq, offset: 0, text: 'hel' }
  const delta = { kind: 'text', ...piece } as const
  await eventually(() => {
    bench.bus.send(CHANNELS.delta, delta, { taskId: task.id })
    expect(frames.some(({ type }) => type === 'delta')).toBe(true)
  })
  const last = await bench.complete(task, 'hello')
  // The event arrives live: a silent watch reads the log again only after 15 s.
  await eventually(() => expect(frames.at(-1)).toMatchObject({ seq: last }), 10_000)
  await watching
  const events = frames.flatMap((frame) => (frame.type === 'event' ? [frame] : []))
  expect(events.map(({ seq, event }) => [seq, event.type])).toEqual([
    [task.seq, 'submitted'],
    [last, 'completed'],
  ])
  expect(frames.at(-1)).toMatchObject({ type: 'event', event: { result: 'hello' } })
})

test('L6: an end event stored while the bus was disconnected still reaches held requests and streams', async () => {
  await using bench = await setup()
  const client = bench.client()
  const pointer = await nextPointer(bench.bus)
  const answer = client.submit({ task: 'write' }, { waitSeconds: 60 })
  const { taskId: id, seq } = await pointer()
  const watching = (async () => {
    const types: string[] = []
    for await (const frame of client.watch([id])) {
      if (frame.type === 'event') types.push(frame.event.type)
    }
    return types
  })()
  await bench.servers.nats.restart()
  await bench.complete({ id, seq }, 'hello')
  expect(await answer).toMatchObject({ state: 'completed', result: 'hello' })
  expect(await watching).toEqual(['submitted', 'completed'])
})

test('while the bus is unavailable, a submission is refused at once and is not stored', async () => {
  await using bench = await setup()
  await bench.servers.nats.stop()
  await eventually(() => expect(bench.gateway.ready?.()).toMatchObject({ ok: false }))
  await expect(bench.client().submit({ task: 'x' })).rejects.toMatchObject({
    status: 503,
    retryAfterS: 2,
    problem: { code: 'bus-unavailable' },
  })
  await bench.servers.nats.restart()
})

test('L8: while Redis is unavailable, the gateway reads tasks from the log, and the error of a list says what to do', async () => {
  await using bench = await setup()
  const client = bench.client()
  const task = await client.submit({ task: 'write' })
  await bench.complete(task, 'hello')
  await bench.servers.redis.stop('SIGKILL')
  expect(await client.get(task.id)).toMatchObject({ state: 'completed', result: 'hello' })
  expect(await client.events(task.id)).toMatchObject([{ type: 'submitted' }, { type: 'completed' }])
  await expect(client.list()).rejects.toMatchObject({
    status: 503,
    problem: { code: 'store-unavailable' },
  })
})

test('L7: while the log is nearly full, the gateway refuses new tasks with an error code', async () => {
  await using bench = await setup()
  const client = bench.client()
  const spec = { task: 'x'.repeat(131_072), systemPrompt: 'y'.repeat(131_072) }
  const fill = async () => {
    await client.submitBatch([spec, spec, spec])
    await client.submit({ task: 'one more' })
  }
  await expect(
    eventually(async () => {
      const refused = await fill().catch((error: unknown) => error)
      if (refused === undefined) throw new Error('there is still room')
      return refused
    }, 50_000),
  ).resolves.toMatchObject({ status: 503, problem: { code: 'log-full' }, retryAfterS: 10 })
  expect(bench.gateway.ready?.()).toEqual({ ok: true, degraded: ['log-full'] })
})

test('a coordinator cancels a task, and if no coordinator answers, the client gets an error that asks it to try again', async () => {
  const bench = shared
  const client = bench.client()
  const task = await client.submit({ task: 'write' })
  await expect(client.cancel(task.id)).rejects.toMatchObject({
    status: 503,
    problem: { code: 'coordinator-unavailable' },
  })
  bench.bus.on(CHANNELS.cancel, async ({ taskId, reason }) => {
    const event = { type: 'cancelled', atMs: Date.now(), reason } as const
    const options = { expectSeq: task.seq, messageId: `${taskId}.cancel`, deadlineMs: 5_000 }
    const { kind } = await bench.taskLog.append(taskId, event, options)
    return { kind: kind === 'stored' ? 'cancelled' : 'finished' }
  })
  await eventually(async () => {
    expect(await client.cancel(task.id)).toMatchObject({ state: 'cancelled' })
  })
  expect(await client.cancel(task.id)).toMatchObject({ state: 'cancelled' })
  const other = await client.submit({ task: 'write' })
  await bench.complete(other, 'hello')
  await expect(client.cancel(other.id)).rejects.toMatchObject({
    status: 409,
    problem: { code: 'already-finished' },
  })
})

test('a tenant does not see anything of another tenant', async () => {
  const keys = { acme: 'acme-key-of-16-chars', beta: 'beta-key-of-16-chars' }
  await using bench = await setup({ API_KEYS: `acme:${keys.acme},beta:${keys.beta}` })
  const [acme, beta] = [bench.client(keys.acme), bench.client(keys.beta)]
  const task = await acme.submit({ task: 'secret' }, { idempotencyKey: 'k' })
  const notFound = { status: 404, problem: { code: 'task-not-found' } }
  await expect(beta.get(task.id)).rejects.toMatchObject(notFound)
  await expect(beta.events(task.id)).rejects.toMatchObject(notFound)
  await expect(beta.cancel(task.id)).rejects.toMatchObject(notFound)
  for await (const frame of beta.watch([task.id])) expect(frame).toMatchObject({ type: 'error' })
  const own = await beta.submit({ task: 'other' }, { idempotencyKey: 'k' })
  expect(own.id).not.toBe(task.id)
  await expect(bench.client().submit({ task: 'x' })).rejects.toMatchObject({ status: 401 })
  await expect(bench.client('wrong').fleet()).rejects.toMatchObject({ status: 401 })
})

test('a stop of the gateway closes streams with 1001 and answers held requests', async () => {
  await using bench = await setup()
  const client = bench.client()
  const pointer = await nextPointer(bench.bus)
  const held = client.submit({ task: 'write' }, { waitSeconds: 60 })
  await pointer()
  const socket = new WebSocket(`${bench.gateway.url().replace('http', 'ws')}/v1/stream`)
  await new Promise((resolve) => socket.once('open', resolve))
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await bench.gateway.drain(5_000)
  expect(await closed).toBe(1001)
  expect(await held).toMatchObject({ state: 'queued' })
})

test('five unreadable frames close a stream with 1008', async () => {
  const bench = shared
  const socket = new WebSocket(`${bench.gateway.url().replace('http', 'ws')}/v1/stream`)
  const frames: object[] = []
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(String(data)) as object))
  await new Promise((resolve) => socket.once('open', resolve))
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  for (let sent = 0; sent < 6; sent += 1) socket.send('{nonsense')
  expect(await closed).toBe(1008)
  expect(frames).toHaveLength(5)
  expect(frames[0]).toMatchObject({ type: 'error', code: 'bad-frame' })
})
