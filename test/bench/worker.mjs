/** The working side of the peer: answers with the task's text, streams one LLM call, or runs an agent. */
import { Worker } from 'bullmq'
import OpenAI from 'openai'
import { connectionTo, QUEUE, untilOrphaned } from './shared.mjs'

/** More turns than any run of the benchmark has. */
const TURNS_MAX = 100

const client = new OpenAI({
  apiKey: 'simulated',
  baseURL: process.env.OPENAI_BASE_URL,
  organization: null,
  project: null,
  logLevel: 'off',
  maxRetries: 0,
})

async function stream(job) {
  const { model, task, systemPrompt } = job.data
  const messages = [
    { role: 'system', content: systemPrompt ?? 'You are a helpful assistant.' },
    { role: 'user', content: task },
  ]
  const chunks = await client.chat.completions.create(
    { model, messages, stream: true, stream_options: { include_usage: true } },
    { headers: { 'x-task-id': job.id, 'x-step': '0' } },
  )
  let answer = ''
  for await (const chunk of chunks) answer += chunk.choices[0]?.delta.content ?? ''
  return answer
}

const tools = [
  {
    type: 'function',
    function: {
      name: 'calculate',
      parameters: {
        type: 'object',
        required: ['expression'],
        properties: { expression: { type: 'string' } },
      },
    },
  },
]

/** The sum that the simulated model asks for. */
function calculate({ expression }) {
  return String(expression.split('+').reduce((sum, term) => sum + Number(term), 0))
}

/**
 * The usual loop of an agent on a queue: LLM call, tools, LLM call, until there is an answer. A
 * job stores no steps, so a stalled one starts from the beginning.
 */
async function runAgent(job) {
  const { model, task, systemPrompt } = job.data
  const messages = [
    { role: 'system', content: systemPrompt ?? 'You are a helpful assistant.' },
    { role: 'user', content: task },
  ]
  for (let step = 0; step < TURNS_MAX; step += 1) {
    const answer = await client.chat.completions.create(
      { model, messages, tools },
      { headers: { 'x-task-id': job.id, 'x-step': String(step) } },
    )
    const message = answer.choices[0].message
    if (!message.tool_calls?.length) return message.content
    messages.push(message)
    for (const { id, function: call } of message.tool_calls) {
      const content = calculate(JSON.parse(call.arguments))
      messages.push({ role: 'tool', tool_call_id: id, content })
    }
  }
  throw new Error(`no answer after ${TURNS_MAX} turns`)
}

function perform(job) {
  const { model, task } = job.data
  if (model === 'echo') return Promise.resolve(task)
  return model.startsWith('sim-steps') ? runAgent(job) : stream(job)
}

// Retries and the tolerated stalls (one) are BullMQ's own; so are locks and checks of 30 s, except in a smoke
// test, which has no time for them.
const stalledMs = Number(process.env.PEER_STALLED_MS)
const worker = new Worker(QUEUE, perform, {
  connection: connectionTo(process.env.REDIS_URL),
  concurrency: Number(process.env.PEER_CONCURRENCY),
  lockDuration: stalledMs,
  stalledInterval: stalledMs,
})
worker.on('error', (error) => process.stderr.write(`${error.message}\n`))
await worker.waitUntilReady()
process.send?.('ready')

untilOrphaned(() => worker.close())
