import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { newTaskId } from '@agentfleet/protocol'
import { createLogger, manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createSubscriptions, type Viewer } from '../../src/stream/subscriptions.ts'

/** One watch, its places in three collections and its share of their spare room. */
const WATCH_MAX_BYTES = 400

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Subscriptions whose viewers read nothing, so that no replay reaches the log. */
function setup() {
  const looked: string[] = []
  const clock = manualClock()
  const subscriptions = createSubscriptions({
    taskLog: {
      page: () => Promise.reject(new Error('no viewer reads')),
      last: (taskId) => {
        looked.push(taskId)
        return Promise.resolve(undefined)
      },
    },
    deltas: {
      tap: () => ({ close: () => undefined }),
      attemptSeen: () => undefined,
      count: () => 0,
    },
    clock,
    log: createLogger({ service: 'gateway', id: 'test', level: 'silent' }),
  })
  const stalled = (tenant = 't1'): Viewer => ({
    tenant,
    send: () => undefined,
    ready: () => new Promise(() => undefined),
    hint: () => true,
    refuse: () => undefined,
    forget: () => undefined,
  })
  const taskIds = Array.from({ length: 500 }, () => newTaskId(Date.now()))
  const follow = (viewer: Viewer) =>
    void subscriptions.watch(viewer, { taskIds, after: () => 0, deltas: true })
  return { subscriptions, stalled, taskIds, follow, looked, clock }
}

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

test(`a task that a stalled viewer follows costs a gateway at most ${WATCH_MAX_BYTES} bytes (L7)`, () => {
  const { subscriptions, stalled, taskIds, follow } = setup()
  const before = heapBytes()
  const viewers = Array.from({ length: 200 }, () => stalled())
  for (const viewer of viewers) follow(viewer)
  const { own } = subscriptions.held('t1')
  expect(own).toBe(viewers.length * taskIds.length)
  expect((heapBytes() - before) / own).toBeLessThan(WATCH_MAX_BYTES)
})

test('the gateway holds a stalled viewer only once for each task, even if the viewer subscribes again and again (L7)', () => {
  const { subscriptions, stalled, taskIds, follow } = setup()
  const viewer = stalled()
  follow(viewer)
  const before = heapBytes()
  for (let times = 0; times < 200; times += 1) follow(viewer)
  expect(subscriptions.held('t1')).toEqual({ used: taskIds.length, own: taskIds.length })
  expect(heapBytes() - before).toBeLessThan(taskIds.length * WATCH_MAX_BYTES * 20)
  for (const taskId of taskIds) subscriptions.unwatch(viewer, taskId)
  expect(subscriptions.held('t1')).toEqual({ used: 0, own: 0 })
})

test('the lost events of a tenant are looked for although another tenant follows thousands of silent tasks before it (L6)', async () => {
  const { subscriptions, stalled, looked, clock } = setup()
  const [quiet = '', ...crowd] = Array.from({ length: 2_001 }, () => newTaskId(Date.now()))
  const wanted = { after: () => 0, deltas: false }
  void subscriptions.watch(stalled('crowd'), { taskIds: crowd, ...wanted })
  void subscriptions.watch(stalled('quiet'), { taskIds: [quiet], ...wanted })
  clock.advance(20_000)
  await subscriptions.sweep()
  expect(looked).toHaveLength(500)
  expect(looked).toContain(quiet)
})
