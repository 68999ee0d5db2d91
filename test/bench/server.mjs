/**
 * The HTTP side of the peer: POST → schema validation → queue.add → the result to the waiting caller.
 *
 * It waits for results in the cheapest correct way: the waiter is registered under our own job id before the
 * job is added, so that no event can arrive too early, and one QueueEvents stream wakes all of them. The
 * documented `job.waitUntilFinished` asks Redis again for each job; that, automatic pipelining and other
 * retention settings were measured and none took less CPU time.
 */
import { randomUUID } from 'node:crypto'
import { Queue, QueueEvents } from 'bullmq'
import Fastify from 'fastify'
import { connectionTo, QUEUE, untilOrphaned } from './shared.mjs'

/** No job of the benchmark takes longer, even if its worker dies on the way, milliseconds. */
const WAIT_MS = 180_000

const queue = new Queue(QUEUE, {
  connection: connectionTo(process.env.REDIS_URL),
  // The history stays readable for a day, as on the other side.
  defaultJobOptions: { attempts: 3, removeOnComplete: { age: 86_400, limit: 1 } },
})
const events = new QueueEvents(QUEUE, { connection: connectionTo(process.env.REDIS_URL) })
await events.waitUntilReady()

const waiting = new Map()
events.on('completed', ({ jobId, returnvalue }) => waiting.get(jobId)?.(undefined, returnvalue))
events.on('failed', ({ jobId, failedReason }) => waiting.get(jobId)?.(new Error(failedReason)))

function addAndWait(data) {
  const jobId = randomUUID()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(new Error('the job took too long')), WAIT_MS)
    const settle = (error, result) => {
      clearTimeout(timer)
      waiting.delete(jobId)
      if (error) reject(error)
      else resolve({ jobId, result })
    }
    waiting.set(jobId, settle)
    queue.add('task', data, { jobId }).catch(settle)
  })
}

const level = { type: 'string', enum: ['low', 'medium', 'high'] }
const text = { type: 'string' }
const body = {
  type: 'object',
  additionalProperties: false,
  required: ['task'],
  properties: {
    task: { type: 'string', minLength: 1, maxLength: 131_072 },
    systemPrompt: { type: 'string', maxLength: 131_072 },
    agent: { type: 'string', maxLength: 64, default: 'assistant' },
    model: { type: 'string', maxLength: 128, default: 'echo' },
    priority: { ...level, default: 'medium' },
    cpu: { ...level, default: 'low' },
    memory: { ...level, default: 'low' },
    timeoutMs: { type: 'integer', minimum: 1_000, maximum: 86_400_000, default: 3_600_000 },
    maxAttempts: { type: 'integer', minimum: 1, maximum: 20, default: 3 },
  },
}
const answer = {
  type: 'object',
  properties: {
    id: text,
    state: text,
    agent: text,
    model: text,
    priority: text,
    cpu: text,
    memory: text,
    task: text,
    createdAt: text,
    updatedAt: text,
    result: {},
  },
}

const app = Fastify({ logger: false })
app.route({
  method: 'POST',
  url: '/v1/tasks',
  schema: { body, response: { 200: answer } },
  async handler(request) {
    const createdAt = new Date().toISOString()
    const { jobId, result } = await addAndWait(request.body)
    const updatedAt = new Date().toISOString()
    return { id: jobId, state: 'completed', ...request.body, createdAt, updatedAt, result }
  },
})
await app.listen({ host: '127.0.0.1', port: Number(process.env.PEER_PORT) })
process.send?.('ready')

untilOrphaned(async () => {
  await app.close()
  await events.close()
  await queue.close()
})
