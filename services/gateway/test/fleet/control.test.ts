import { openOps } from '@agentfleet/adapters'
import { createClient, type FollowFrame } from '@agentfleet/client'
import { SUBJECTS, type Decision, type Incident, CHANNELS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'
import { decision, incident, outcome } from '../records.ts'

/** Shared by the tests that do not depend on what others record after them. */
let shared: GatewayBench
beforeAll(async () => {
  shared = await setup()
})
afterAll(() => shared[Symbol.asyncDispose]())

/** The control plane through the API of a gateway, on real servers. */
function recorder({ bus }: GatewayBench) {
  const ops = openOps(bus)
  return {
    decide: (entry: Decision) => ops.record(SUBJECTS.opsDecision(entry.service), entry),
    measure: (id: string, minutes: number) =>
      ops.record(SUBJECTS.opsOutcome('autoscaler'), outcome(id, minutes)),
    report: (entry: Incident) => ops.record(SUBJECTS.opsIncident(entry.id), entry),
  }
}

const TASK = '01890a5d-ac96-774b-bcce-b302099a8057'

test('decisions are listed page by page, newest first, each with its measured outcomes', async () => {
  const bench = shared
  const { decide, measure } = recorder(bench)
  const client = bench.client()
  for (const id of ['d1', 'd2', 'd3']) await decide(decision(id))
  await decide(decision('d4', { service: 'load-balancer', kind: 'eject', about: 'n1' }))
  await measure('d2', 1)
  await eventually(async () => {
    expect((await client.decision('d2')).outcomes).toHaveLength(1)
  })
  const first = await client.decisions({ limit: 3 })
  expect(first.decisions.map(({ id }) => id)).toEqual(['d4', 'd3', 'd2'])
  expect(first.decisions[2]).toEqual({
    ...decision('d2'),
    outcomes: [{ afterMinutes: 1, atMs: 60_000, figures: { queued: 1 } }],
  })
  const rest = await client.decisions({ limit: 3, cursor: first.nextCursor ?? '' })
  expect(rest.decisions.map(({ id }) => id)).toEqual(['d1'])
  expect(rest).not.toHaveProperty('nextCursor')
  const ejected = await client.decisions({ service: 'load-balancer', kind: 'eject', about: 'n1' })
  expect(ejected.decisions.map(({ id }) => id)).toEqual(['d4'])
})

test('incidents are listed with their last stage, and can be filtered by state and node', async () => {
  const bench = shared
  const { report } = recorder(bench)
  const client = bench.client()
  await report(incident('i1'))
  await report(incident('i2', { nodeId: 'n2', detectedAtMs: 2_000 }))
  const action = { kind: 'restart', reason: 'crash', driver: 'local', startedAtMs: 1 } as const
  const closed = incident('i1', { state: 'closed', action: { ...action, outcome: 'done' } })
  await report(closed)
  await eventually(async () => {
    expect((await client.incident('i1')).state).toBe('closed')
  })
  expect(await client.incident('i1')).toEqual(closed)
  expect((await client.incidents()).incidents.map(({ id }) => id)).toEqual(['i2', 'i1'])
  expect((await client.incidents({ state: 'open' })).incidents.map(({ id }) => id)).toEqual(['i2'])
  expect((await client.incidents({ node: 'n1' })).incidents.map(({ id }) => id)).toEqual(['i1'])
})

test('a restarted gateway lists earlier decisions and incidents', async () => {
  await using bench = await setup()
  const { decide, measure, report } = recorder(bench)
  await decide(decision('d1'))
  await measure('d1', 15)
  await report(incident('i1'))
  const client = createClient({ baseUrl: (await bench.another()).url() })
  await eventually(async () => {
    const { decisions } = await client.decisions()
    expect(decisions).toMatchObject([{ id: 'd1', outcomes: [{ afterMinutes: 15 }] }])
    expect((await client.incidents()).incidents).toMatchObject([{ id: 'i1' }])
  })
})

test('unreadable messages on the stream OPS are skipped, and later messages are listed', async () => {
  await using bench = await setup()
  const { decide } = recorder(bench)
  const client = bench.client()
  bench.bus.publish(SUBJECTS.opsDecision('autoscaler'), '{nonsense')
  bench.bus.publish(SUBJECTS.opsDecision('autoscaler'), '{"id":"half"}')
  bench.bus.publish(SUBJECTS.opsIncident('broken'), 'null')
  await decide(decision('d1'))
  await eventually(async () => {
    expect((await client.decisions()).decisions.map(({ id }) => id)).toEqual(['d1'])
  })
  await expect(client.incident('broken')).rejects.toMatchObject({
    status: 404,
    problem: { code: 'incident-not-found' },
  })
})

test('invalid queries of decisions and incidents get an error detail that says what to do', async () => {
  const bench = shared
  const { decide } = recorder(bench)
  const client = bench.client()
  const wrong = { status: 400, problem: { code: 'invalid-request' } }
  await expect(client.decisions({ service: 'autoscalar' })).rejects.toMatchObject({
    ...wrong,
    problem: { detail: expect.stringMatching(/query\/service must be one of .*"autoscaler"/) },
  })
  await expect(client.decisions({ kind: 'Scale Out' })).rejects.toMatchObject(wrong)
  await expect(client.decisions({ limit: 0 })).rejects.toMatchObject(wrong)
  await expect(client.incidents({ state: 'ajar' as 'open' })).rejects.toMatchObject({
    ...wrong,
    problem: { detail: expect.stringContaining('must be one of ["open","closed"]') },
  })
  const cursorOf = { status: 400, problem: { code: 'invalid-cursor' } }
  await expect(client.decisions({ cursor: 'zzz' })).rejects.toMatchObject(cursorOf)
  for (const id of ['q1', 'q2']) await decide(decision(id))
  await eventually(() => client.decision('q2'))
  const { nextCursor: cursor = '' } = await client.decisions({ limit: 1 })
  await expect(client.decisions({ kind: 'hold', cursor })).rejects.toMatchObject(cursorOf)
  await expect(client.incidents({ cursor })).rejects.toMatchObject(cursorOf)
  await expect(client.decision('x')).rejects.toMatchObject({
    status: 404,
    problem: { code: 'decision-not-found' },
  })
  for (const id of ['x', '*', 'a b', '>']) {
    await expect(client.incident(id)).rejects.toMatchObject({ status: 404 })
  }
})

test('subscribers get decisions, their outcomes and the stages of incidents as soon as they are stored', async () => {
  const bench = shared
  const { decide, measure, report } = recorder(bench)
  const abort = new AbortController()
  const frames: FollowFrame[] = []
  const following = (async () => {
    const options = { signal: abort.signal }
    for await (const frame of bench.client().follow(['decisions', 'incidents'], options)) {
      frames.push(frame)
    }
  })().catch((error: unknown) => error)
  await eventually(() => expect(frames).toMatchObject([{ type: 'subscribed' }]))
  await decide(decision('live'))
  await eventually(() => expect(frames).toHaveLength(2))
  await measure('live', 1)
  await eventually(() => expect(frames).toHaveLength(3))
  await report(incident('i-live', { taskIds: [TASK] }))
  await eventually(() => expect(frames).toHaveLength(4))
  expect(frames.slice(1)).toMatchObject([
    { type: 'decision', decision: { id: 'live', outcomes: [] } },
    { type: 'decision', decision: { id: 'live', outcomes: [{ afterMinutes: 1 }] } },
    { type: 'incident', incident: { id: 'i-live', taskIds: [TASK] } },
  ])
  abort.abort(new Error('enough'))
  expect(await following).toMatchObject({ message: 'enough' })
})

test('every API key can read decisions and incidents, and only operators see the task ids in them', async () => {
  const keys = { acme: 'acme-key-of-16-chars', ops: 'ops-key-of-16-chars!' }
  await using bench = await setup({
    API_KEYS: `acme:${keys.acme},ops:${keys.ops}`,
    OPERATOR_TENANTS: 'ops',
  })
  const { decide, report } = recorder(bench)
  const [acme, ops] = [bench.client(keys.acme), bench.client(keys.ops)]
  const abort = new AbortController()
  const seen: FollowFrame[] = []
  const following = (async () => {
    for await (const frame of acme.follow(['incidents'], { signal: abort.signal })) seen.push(frame)
  })().catch((error: unknown) => error)
  await eventually(() => expect(seen).toHaveLength(1))
  await report(incident('i1', { taskIds: [TASK], suspectTasks: [TASK] }))
  await eventually(() => expect(seen).toHaveLength(2))
  expect(await ops.incident('i1')).toMatchObject({ taskIds: [TASK], suspectTasks: [TASK] })
  const told = await acme.incident('i1')
  expect(told).toMatchObject({ id: 'i1', tasks: 1 })
  expect(JSON.stringify([told, await acme.incidents(), seen])).not.toContain(TASK)
  await expect(bench.client().incidents()).rejects.toMatchObject({ status: 401 })
  const [own, foreign] = [await acme.submit({ task: 'x' }), await ops.submit({ task: 'x' })]
  await decide(decision('own', { about: own.id }))
  await decide(decision('foreign', { about: foreign.id }))
  await eventually(async () => {
    expect((await ops.decisions({ about: foreign.id })).decisions).toHaveLength(1)
  })
  expect((await acme.decisions({ about: foreign.id })).decisions).toEqual([])
  expect((await acme.decisions({ about: own.id })).decisions).toHaveLength(1)
  abort.abort()
  await following
})

test('the answer about the fleet contains totals, their history and the running load balancers', async () => {
  const bench = shared
  const client = bench.client()
  const totals = {
    atMs: 1,
    activeNodes: 1,
    slots: 10,
    running: 4,
    queued: 2,
    cpu: 0.5,
    memory: 0.2,
  }
  const all = { ...totals, responseMs: 20, completed: 7, failed: 1 }
  const snapshot = { atMs: 1, monitorId: 'm', nodes: [], queued: 2, running: 4, totals: all }
  const say = () => {
    bench.bus.send(CHANNELS.snapshot, snapshot)
    bench.bus.send(CHANNELS.history, { monitorId: 'm', totals: [all, all] })
    bench.bus.send(CHANNELS.balancer, { id: 'b1', room: true })
  }
  await eventually(async () => {
    say()
    expect(await client.fleet()).toMatchObject({
      totals: all,
      history: [all, all],
      balancers: [{ id: 'b1', room: true }],
    })
  })
  expect((await client.fleet({ history: false })).history).toEqual([])
  await eventually(async () => expect((await client.fleet()).balancers).toEqual([]))
})

test('a task shows its affinity key and the reason of its placement', async () => {
  const bench = shared
  const client = bench.client()
  const task = await client.submit({ task: 'x', affinityKey: 'chat-7', placement: 'advised' })
  expect(task.affinityKey).toBe('chat-7')
  expect((await bench.taskLog.record(task.id))?.spec).toMatchObject({ placement: 'advised' })
  const placed = { node: 'n1', reason: 'affinity', balancer: 'b1', considered: 3, atMs: 5 }
  const event = { type: 'attempt-started', atMs: 6, attempt: 2, node: 'n1', placed } as const
  const options = { expectSeq: task.seq, messageId: 'm', deadlineMs: 5_000 }
  await bench.taskLog.append(task.id, event, options)
  const placement = { node: 'n1', reason: 'affinity', by: 'b1', considered: 3, atMs: 5 }
  expect(await client.get(task.id)).toMatchObject({ state: 'running', placement })
  expect(await client.events(task.id)).toMatchObject([{ type: 'submitted' }, { placement }])
  const refused = client.submit({ task: 'x', placement: 'best' as 'auto' })
  await expect(refused).rejects.toMatchObject({
    status: 400,
    problem: { detail: expect.stringContaining('must be one of ["auto","advised"]') },
  })
  const long = client.submit({ task: 'x', affinityKey: 'k'.repeat(129) })
  await expect(long).rejects.toMatchObject({ status: 400 })
})
