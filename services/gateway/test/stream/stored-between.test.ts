import { createLogger, systemClock } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createSubscriptions, type Viewer } from '../../src/stream/subscriptions.ts'
import { setup } from '../support.ts'

const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })

test('a viewer gets the end of a task that is stored while its replay finds nothing new (L5)', async () => {
  await using bench = await setup()
  const { taskLog } = bench
  const task = await bench.client().submit({ task: 'write' })
  let reads = 0
  const subscriptions = createSubscriptions({
    taskLog: {
      last: taskLog.last,
      // The task ends between the two reads of a replay: the page behind the viewer's event, and the last event.
      async page(...query) {
        const page = await taskLog.page(...query)
        reads += 1
        if (reads === 1) await bench.complete(task, 'done')
        return page
      },
    },
    deltas: {
      tap: () => ({ close: () => undefined }),
      attemptSeen: () => undefined,
      count: () => 0,
    },
    clock: systemClock,
    log,
  })
  const frames: unknown[] = []
  const forgotten: string[] = []
  const viewer: Viewer = {
    tenant: 'default',
    send: (frame) => void frames.push(JSON.parse(frame.toString())),
    ready: () => Promise.resolve(),
    hint: () => true,
    refuse: () => undefined,
    forget: (taskId) => void forgotten.push(taskId),
  }
  await subscriptions.watch(viewer, { taskIds: [task.id], after: () => task.seq, deltas: false })
  await eventually(() => expect(forgotten).toEqual([task.id]))
  expect(frames).toMatchObject([{ taskId: task.id, event: { type: 'completed' } }])
})
