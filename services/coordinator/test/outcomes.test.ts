import { connectBus, openTaskLog, provisionStreams } from '@agentfleet/adapters'
import type { Submitted } from '@agentfleet/domain'
import { reportItemSchema, signClaim } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { handleReport } from '../src/outcomes.ts'
import { createTaskTable } from '../src/task-table.ts'

const MIB = 1024 ** 2
const SIZES = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: MIB, replicas: 1 }
const CLAIM_KEY = 'a-key-of-the-tests'
const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
const submitted: Submitted = {
  type: 'submitted',
  atMs: 1,
  tenant: 't',
  specHash: '',
  spec: {
    task: 'x',
    agent: 'assistant',
    model: 'echo',
    cpu: 'low',
    memory: 'low',
    priority: 'medium',
    timeoutMs: 60_000,
    maxAttempts: 3,
  },
}

async function setup() {
  const servers = await startTestServers()
  const log = createLogger({ service: 'coordinator', id: 'test', level: 'silent' })
  const bus = await connectBus({
    url: servers.nats.url,
    name: 'test',
    inboxPrefix: '_INBOX_t',
    log,
  })
  await provisionStreams(bus, SIZES, log)
  const taskLog = openTaskLog(bus)
  const deps = {
    log: taskLog,
    tasks: createTaskTable(),
    claimKey: CLAIM_KEY,
    nowMs: () => 10,
    random: () => 0.5,
  }
  return {
    taskLog,
    submit: (id: string) =>
      taskLog.append(id, submitted, { expectSeq: 0, messageId: id, deadlineMs: 5_000 }),
    /** Reports as a node would, through the schema of the wire. */
    report: (taskId: string, item: object) => {
      const claim = signClaim(CLAIM_KEY, taskId, 'n1')
      const reportId = `${taskId}-${JSON.stringify(item).length}`
      return handleReport(deps, 'n1', reportItemSchema.parse({ taskId, claim, reportId, ...item }))
    },
    async [Symbol.asyncDispose]() {
      await bus.close()
      await servers[Symbol.asyncDispose]()
    },
  }
}

test('why a run is where it is comes with its reports into the log and onto the record', async () => {
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
    expect(event).toMatchObject({ type, placed })
    expect((await bench.taskLog.record(type))?.placed).toEqual(placed)
  }
})

test('a report that does not say it leaves no trace of it', async () => {
  await using bench = await setup()
  await bench.submit('t1')
  await bench.report('t1', { op: 'complete', attempt: 1, expect: 1, result: 'r', usage })
  const { event } = (await bench.taskLog.last('t1')) ?? {}
  expect(event?.type).toBe('completed')
  expect(event).not.toHaveProperty('placed')
})
