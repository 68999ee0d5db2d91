import { connectBus, connectStore, openTaskLog, provisionStreams } from '@agentfleet/adapters'
import { TIMING, type Spawned, type Submitted, type TaskRecord } from '@agentfleet/domain'
import { childTaskId, reportItemSchema, signClaim } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { PLAIN_SPEC, startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { endTooLarge, handleReport } from '../../src/reports/handle-report.ts'
import { createTaskTable } from '../../src/follower/task-table.ts'

const MIB = 1024 ** 2
const SIZES = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: MIB, replicas: 1 }
const CLAIM_KEY = 'a-key-of-the-tests'
const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
const submitted: Submitted = {
  type: 'submitted',
  atMs: 1,
  tenant: 't',
  specHash: '',
  spec: PLAIN_SPEC,
}

async function setup() {
  const servers = await startTestServers(['nats', 'redis'])
  const log = createLogger({ service: 'coordinator', id: 'test', level: 'silent' })
  const bus = await connectBus({
    url: servers.nats.url,
    name: 'test',
    inboxPrefix: '_INBOX_t',
    log,
  })
  await provisionStreams(bus, SIZES, log)
  const taskLog = openTaskLog(bus)
  const store = await connectStore({ url: servers.redis.url, log })
  const made: string[] = []
  const superseded: unknown[] = []
  const deps = {
    taskLog,
    store,
    make: async (_parent: TaskRecord, event: Spawned) => {
      made.push(...event.children.map((child) => child.taskId))
    },
    supersede: (older: unknown) => void superseded.push(older),
    tasks: createTaskTable(),
    claimKey: CLAIM_KEY,
    logFill: { full: () => false },
    nowMs: () => 10,
    random: () => 0.5,
    timing: TIMING,
  }
  return {
    taskLog,
    made,
    superseded,
    submit: (id: string, part: Partial<Submitted> = {}) =>
      taskLog.append(
        id,
        { ...submitted, ...part },
        { expectSeq: 0, messageId: id, deadlineMs: 5_000 },
      ),
    /** Reports as a node does, through the schema of the bus. */
    report: (
      taskId: string,
      item: object,
      claim = signClaim(CLAIM_KEY, taskId, 'n1'),
      nodeId = 'n1',
    ) => {
      const reportId = `${taskId}-${nodeId}-${JSON.stringify(item).length}`
      return handleReport(
        deps,
        nodeId,
        reportItemSchema.parse({ taskId, claim, reportId, ...item }),
      )
    },
    endTooLarge: (taskId: string, begun: Parameters<typeof endTooLarge>[2]) =>
      endTooLarge(deps, { op: 'begin', taskId, claim: 'c', reportId: 'r' }, begun, 9 * MIB),
    async [Symbol.asyncDispose]() {
      await store.close()
      await bus.close()
      await servers[Symbol.asyncDispose]()
    },
  }
}

test('the reason of a placement comes with a report and is stored in the log and in the record of the task', async () => {
  await using bench = await setup()
  const placed = { node: 'n1', reason: 'least-loaded', balancer: 'b1', considered: 3, atMs: 5 }
  const error = { code: 'c', message: 'm' }
  const call = { step: 0, kind: 'llm', name: 'm', output: null, usage }
  const cases = [
    ['completed', { op: 'complete', attempt: 1, result: 'r', usage }],
    ['failed', { op: 'fail', attempt: 1, error, retryable: false }],
    ['attempt-failed', { op: 'fail', attempt: 1, error, retryable: true }],
    ['call-finished', { op: 'call', attempt: 1, call }],
    ['attempt-started', { op: 'begin' }],
  ] as const
  for (const [type, item] of cases) {
    const stored = await bench.submit(type)
    const expected = stored.kind === 'stored' ? stored.seq : 0
    await bench.report(type, { ...item, expect: expected, placed })
    const { event } = (await bench.taskLog.last(type)) ?? {}
    // The call happened on the node of its attempt; all other events name the node themselves.
    const node = type === 'call-finished' ? {} : { node: 'n1' }
    expect(event).toMatchObject({ type, placed, ...node })
    expect((await bench.taskLog.record(type))?.placed).toEqual(placed)
  }
})

test('a report without a placement, or with the placement of another node, stores no placement (L9)', async () => {
  await using bench = await setup()
  await bench.submit('t1')
  const placed = { node: 'n2', reason: 'x', balancer: 'b1', considered: 3, atMs: 5 }
  const call = { step: 0, kind: 'llm', name: 'm', output: null, usage }
  await bench.report('t1', { op: 'call', attempt: 1, expect: 1, call, placed })
  expect((await bench.taskLog.last('t1'))?.event).not.toHaveProperty('placed')
  const tooLong = { code: 'c'.repeat(65), message: 'm' }
  const failed = { op: 'fail', attempt: 1, expect: 2, error: tooLong, retryable: false }
  expect(() => bench.report('t1', failed)).toThrow('code')
  await bench.report('t1', { op: 'complete', attempt: 1, expect: 2, result: 'r', usage })
  const { event } = (await bench.taskLog.last('t1')) ?? {}
  expect(event?.type).toBe('completed')
  expect(event).not.toHaveProperty('placed')
})

test('a pause ends the attempt without counting as a failure, and a repeated report of the pause gets the outcome `committed`', async () => {
  await using bench = await setup()
  await bench.submit('p1')
  const wait = { kind: 'approval', step: 3, tool: 'pay', arguments: { amount: 1 } }
  const pause = { op: 'pause', attempt: 1, expect: 1, wait }
  const outcome = await bench.report('p1', pause)
  expect(outcome).toMatchObject({ kind: 'committed' })
  expect(await bench.report('p1', pause)).toEqual(outcome)
  const record = await bench.taskLog.record('p1')
  expect(record).toMatchObject({ state: 'waiting', waitingFor: wait, pauses: 1, failures: 0 })
  // A node may get the pointer again: nothing begins, and the pointer is acknowledged.
  expect(await bench.report('p1', { op: 'begin' })).toEqual({ kind: 'not-due' })
})

test('after the task has resumed, a repeated report of a stored pause gets the outcome `committed`, and the report of a pause that was never stored gets `superseded`', async () => {
  await using bench = await setup()
  await bench.submit('p2')
  const pause = { op: 'pause', attempt: 1, expect: 1, wait: { kind: 'time', untilMs: 11 } }
  const stored = await bench.report('p2', pause)
  const expectSeq = stored.kind === 'committed' ? stored.seq : 0
  const released = { type: 'released', atMs: 11, reason: 'time' } as const
  await bench.taskLog.append('p2', released, { expectSeq, messageId: 'r', deadlineMs: 5_000 })
  // The node acknowledges its pointer after either answer; this one comes from the server, which
  // knows the report's id.
  expect(await bench.report('p2', pause)).toEqual(stored)
  const other = { ...pause, wait: { kind: 'time', untilMs: 1_111 } }
  expect(await bench.report('p2', other)).toEqual({ kind: 'superseded' })
})

test('children are created once for each step, and the next attempt gets their results', async () => {
  await using bench = await setup()
  await bench.submit('s1')
  const spec = { ...submitted.spec, task: 'child' }
  const spawn = { op: 'spawn', attempt: 1, expect: 1, step: 2, children: [spec, spec] }
  const ids = [childTaskId('s1', 2, 0), childTaskId('s1', 2, 1)]
  const outcome = await bench.report('s1', spawn)
  expect(outcome).toMatchObject({ kind: 'committed' })
  expect(bench.made).toEqual(ids)
  // The same report is repeated, and another attempt reaches the same step.
  expect(await bench.report('s1', spawn)).toEqual(outcome)
  const begun = await bench.report('s1', { op: 'begin' })
  const expected = begun.kind === 'begun' ? begun.seq : 0
  const again = { ...spawn, attempt: 2, expect: expected }
  expect(await bench.report('s1', again)).toEqual({ kind: 'committed', seq: expected })
  expect(bench.made).toEqual(ids)
  await bench.submit(ids[0]!)
  await bench.report(ids[0]!, { op: 'complete', attempt: 1, expect: 4, result: 'r', usage })
  expect(await bench.report('s1', { op: 'begin', placed: undefined, again: 'x' })).toMatchObject({
    kind: 'begun',
    children: ids.map((taskId) => ({ taskId, step: 2 })),
    inputs: [
      { from: 'child', taskId: ids[0], state: 'completed', result: 'r' },
      { from: 'child', taskId: ids[1], state: 'unknown' },
    ],
  })
})

test('the error of a used-up budget says what was sent with the task, and what the children leave of it', async () => {
  await using bench = await setup()
  const spec = { ...PLAIN_SPEC, budget: { turns: 4 } }
  const [messageId, deadlineMs] = ['b1', 5_000]
  await bench.taskLog.append('b1', { ...submitted, spec }, { expectSeq: 0, messageId, deadlineMs })
  const children = [PLAIN_SPEC, PLAIN_SPEC]
  const spawn = { op: 'spawn', attempt: 1, expect: 1, step: 0, children }
  const spawned = await bench.report('b1', spawn)
  const seq = spawned.kind === 'committed' ? spawned.seq : 0
  const error = { code: 'budget-exceeded', message: 'no call is left' }
  await bench.report('b1', { op: 'fail', attempt: 1, expect: seq, error, retryable: false })
  const { event } = (await bench.taskLog.last('b1')) ?? {}
  expect(event).toMatchObject({
    error: {
      message:
        'no call is left. The task was sent with a budget of 4 LLM calls: its children may use 2, and 2 are left',
    },
  })
})

test('children of a superseded run are not created (L3)', async () => {
  await using bench = await setup()
  await bench.submit('s2')
  await bench.report('s2', { op: 'begin' })
  const children = [submitted.spec]
  const late = { op: 'spawn', attempt: 1, expect: 1, step: 0, children }
  expect(await bench.report('s2', late)).toEqual({ kind: 'superseded' })
  expect(bench.made).toEqual([])
})

test('children beyond the limits are rejected with the reason and have no effect', async () => {
  await using bench = await setup()
  await bench.submit('s3')
  const children = [{ ...submitted.spec, dependsOn: ['somebody-elses'] }]
  const spawn = { op: 'spawn', attempt: 1, expect: 1, step: 0, children }
  expect(await bench.report('s3', spawn)).toMatchObject({
    kind: 'rejected',
    error: { code: 'unknown-dependency' },
  })
  expect((await bench.taskLog.last('s3'))?.event.type).toBe('submitted')
})

test('a report whose claim (the signed token of a dispatch) is for another node or another task is refused and not stored (L9)', async () => {
  await using bench = await setup()
  await bench.submit('c1')
  const ending = { op: 'complete', attempt: 1, expect: 1, result: 'r', usage }
  const foreign = [
    signClaim(CLAIM_KEY, 'c1', 'n2'),
    signClaim(CLAIM_KEY, 'c2', 'n1'),
    signClaim('another key', 'c1', 'n1'),
  ]
  for (const claim of foreign) {
    expect(await bench.report('c1', ending, claim)).toEqual({ kind: 'refused' })
  }
  expect((await bench.taskLog.last('c1'))?.event.type).toBe('submitted')
})

test('a report of a superseded run is not stored, no matter what it reports (L3)', async () => {
  await using bench = await setup()
  await bench.submit('o1')
  await bench.report('o1', { op: 'begin' })
  const error = { code: 'c', message: 'm' }
  const call = { step: 0, kind: 'llm', name: 'm', output: null, usage }
  const late = [
    { op: 'complete', attempt: 1, expect: 1, result: 'r', usage },
    { op: 'call', attempt: 1, expect: 1, call },
    { op: 'fail', attempt: 1, expect: 1, error, retryable: true },
    { op: 'own', attempt: 1, expect: 1 },
  ]
  for (const item of late) expect(await bench.report('o1', item)).toEqual({ kind: 'superseded' })
  expect((await bench.taskLog.last('o1'))?.event.type).toBe('attempt-started')
})

test('a task whose history is too large for one message fails once, with an error code', async () => {
  await using bench = await setup()
  await bench.submit('huge')
  const begun = await bench.report('huge', { op: 'begin' })
  if (begun.kind !== 'begun') throw new Error(begun.kind)
  expect(await bench.endTooLarge('huge', begun)).toEqual({ kind: 'finished' })
  expect(await bench.taskLog.record('huge')).toMatchObject({
    state: 'failed',
    error: { code: 'task-too-large' },
  })
  expect(await bench.report('huge', { op: 'begin', again: true })).toEqual({ kind: 'finished' })
  expect(await bench.taskLog.history('huge')).toHaveLength(3)
})

test('a node learns at once that a newer attempt of its task runs on another node', async () => {
  await using bench = await setup()
  await bench.submit('moved')
  const beginOn = (nodeId: string) =>
    bench.report('moved', { op: 'begin' }, signClaim(CLAIM_KEY, 'moved', nodeId), nodeId)
  expect(await beginOn('n1')).toMatchObject({ kind: 'begun', attempt: 2 })
  bench.superseded.length = 0
  const second = await beginOn('n2')
  expect(second).toMatchObject({ kind: 'begun', attempt: 3 })
  const seq = second.kind === 'begun' ? second.seq : 0
  expect(bench.superseded).toEqual([{ taskId: 'moved', nodeId: 'n1', token: seq - 1, seq }])
})

test('the node of a first attempt that has stored nothing learns that a newer attempt has begun, if the attempt could start without a coordinator (L4)', async () => {
  await using bench = await setup()
  const { spec } = submitted
  await bench.submit('unseen')
  // No pointer and no handover carries such a spec.
  await bench.submit('large', { spec: { ...spec, task: 'x'.repeat(10_000) } })
  const begun = await bench.report('unseen', { op: 'begin' })
  expect(await bench.report('large', { op: 'begin' })).toMatchObject({ kind: 'begun' })
  const seq = begun.kind === 'begun' ? begun.seq : 0
  expect(bench.superseded).toEqual([{ taskId: 'unseen', nodeId: undefined, token: 1, seq }])
})
