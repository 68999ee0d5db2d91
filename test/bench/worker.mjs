/** The working side of the peer: answers with the task's text, or streams one LLM call. */
import { Worker } from 'bullmq'
import OpenAI from 'openai'
import { connectionTo, QUEUE, untilOrphaned } from './shared.mjs'

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

const worker = new Worker(
  QUEUE,
  async (job) => (job.data.model === 'echo' ? job.data.task : stream(job)),
  {
    connection: connectionTo(process.env.REDIS_URL),
    concurrency: Number(process.env.PEER_CONCURRENCY),
  },
)
worker.on('error', (error) => process.stderr.write(`${error.message}\n`))
await worker.waitUntilReady()
process.send?.('ready')

untilOrphaned(() => worker.close())
