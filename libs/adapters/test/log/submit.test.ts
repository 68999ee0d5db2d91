import { keyedTaskId, newTaskId, type Pointer } from '@agentfleet/protocol'
import { PLAIN_SPEC, type SecuredServers, startSecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLogFill, createTaskSubmitter, openTaskLog, type TaskLog } from '../../src/index.ts'

let servers: SecuredServers
let taskLog: TaskLog
beforeAll(async () => {
  servers = await startSecuredServers({ log: { debug() {}, info() {}, warn() {}, error() {} } })
  taskLog = openTaskLog(await servers.connect('gateway'))
})
afterAll(() => servers[Symbol.asyncDispose]())

/** A submission path with its pointers; `full`: the answer of the log fill. */
function pathOf(full = false) {
  const passed: Pointer[] = []
  const logFill = { full: () => full, note: () => undefined }
  const { submit } = createTaskSubmitter({ taskLog, logFill, pass: (each) => passed.push(each) })
  return { passed, submit }
}

const submissionOf = (taskId: string) => ({
  taskId,
  tenant: 't',
  spec: PLAIN_SPEC,
  atMs: Date.now(),
  keyed: true,
  deadlineMs: 5_000,
})

test('a task is stored and its pointer is issued once, no matter how often its idempotency key is sent (L1)', async () => {
  const { submit, passed } = pathOf()
  const taskId = keyedTaskId('t', 'once')
  const outcome = await submit(submissionOf(taskId))
  expect(outcome).toMatchObject({ kind: 'accepted', record: { taskId, state: 'queued' } })
  expect(await submit(submissionOf(taskId))).toEqual({ kind: 'existing' })
  expect(await submit({ ...submissionOf(taskId), specHash: 'another' })).toEqual({
    kind: 'existing',
  })
  expect(passed).toMatchObject([{ taskId, reissue: false }])
  expect(await taskLog.history(taskId)).toHaveLength(1)
})

test('no task is stored while the log is nearly full (L7)', async () => {
  const taskId = newTaskId(Date.now())
  const { submit, passed } = pathOf(true)
  expect(await submit(submissionOf(taskId))).toEqual({ kind: 'full' })
  expect(passed).toEqual([])
  expect(await taskLog.last(taskId)).toBeUndefined()
})

test('a task that waits gets no pointer, and a task with journaled calls starts through the coordinator (a fenced start)', async () => {
  const { submit, passed } = pathOf()
  const spec = { ...PLAIN_SPEC, delayMs: 60_000 }
  await submit({ ...submissionOf(newTaskId(Date.now())), spec })
  expect(passed).toEqual([])
  const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
  const journal = [{ step: 0, kind: 'llm', name: 'm', output: null, usage } as const]
  await submit({ ...submissionOf(newTaskId(Date.now())), journal })
  expect(passed).toMatchObject([{ reissue: true }])
})

test('the log counts as full when nine tenths of the log are used, and has room again afterwards (L7)', async () => {
  let bytes = 89
  const fill = async () => ({ ...(await taskLog.fill()), bytes, maxBytes: 100 })
  const logFill = createLogFill({ fill })
  expect(logFill.full()).toBe(false)
  bytes = 90
  expect(await logFill.look()).toBe(0.9)
  expect(logFill.full()).toBe(true)
  bytes = 89
  await logFill.look()
  expect(logFill.full()).toBe(false)
})
