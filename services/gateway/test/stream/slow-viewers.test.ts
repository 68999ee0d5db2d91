import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { setup, type GatewayBench } from '../support.ts'

/** Sent three times, they are more than the kernel keeps for a connection that no client reads. */
const TASKS = 20
const RESULT = 'y'.repeat(500_000)
/** A viewer waits for no other viewer, milliseconds. */
const SERVED_WITHIN_MS = 5_000

let bench: GatewayBench
const taskIds: string[] = []

beforeAll(async () => {
  bench = await setup()
  const client = bench.client()
  for (let at = 0; at < TASKS; at += 1) {
    const task = await client.submit({ task: 'large' })
    await bench.complete(task, RESULT)
    taskIds.push(task.id)
  }
})
afterAll(() => bench[Symbol.asyncDispose]())

/** Opens a stream that follows these tasks. */
async function follow(ids: readonly string[], after = 0): Promise<WebSocket> {
  const socket = new WebSocket(`${bench.gateway.url().replace('http', 'ws')}/v1/stream`)
  await new Promise((resolve) => socket.once('open', resolve))
  subscribe(socket, ids, after)
  return socket
}

function subscribe(socket: WebSocket, ids: readonly string[], after = 0): void {
  socket.send(JSON.stringify({ type: 'subscribe', taskIds: ids, after }))
}

/** The types of the first events that arrive. */
function firstEvents(socket: WebSocket, count: number): Promise<string[]> {
  const types: string[] = []
  return new Promise((resolve) =>
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as { event?: { type: string } }
      if (frame.event !== undefined) types.push(frame.event.type)
      if (types.length === count) resolve(types)
    }),
  )
}

test(
  'viewers that do not read do not delay the replay of another viewer (L7)',
  async () => {
    const stalled = await Promise.all([follow(taskIds), follow(taskIds)])
    for (const socket of stalled) {
      socket.pause()
      for (let times = 1; times < 3; times += 1) subscribe(socket, taskIds)
    }
    for (const taskId of taskIds.slice(0, 3)) {
      const viewer = await follow([taskId])
      expect(await firstEvents(viewer, 2)).toEqual(['submitted', 'completed'])
      viewer.terminate()
    }
    for (const socket of stalled) socket.terminate()
  },
  SERVED_WITHIN_MS * 4,
)

test('a viewer that pauses for a moment gets all events afterwards, and the events of each task in order (L5)', async () => {
  const viewer = await follow(taskIds)
  viewer.pause()
  const other = await follow(taskIds.slice(0, 1))
  await firstEvents(other, 2)
  other.terminate()
  const events = firstEvents(viewer, 2 * TASKS)
  viewer.resume()
  const types = await events
  expect(types.filter((type) => type === 'completed')).toHaveLength(TASKS)
  viewer.terminate()
})

test('a stream that resumes after the end event of a task reports the task as ended', async () => {
  const [taskId = ''] = taskIds
  const { seq } = (await bench.taskLog.last(taskId))!
  const viewer = await follow([taskId], seq)
  const frame = await new Promise<Buffer>((resolve) => viewer.once('message', resolve))
  expect(JSON.parse(frame.toString())).toMatchObject({ type: 'subscribed', ended: [taskId] })
  viewer.terminate()
})
