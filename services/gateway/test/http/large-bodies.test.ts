import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'

/** Bodies of the largest size with as many members as possible hold the event loop for a bounded time. */

let bench: GatewayBench

beforeAll(async () => {
  bench = await setup()
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

/** The largest body is somewhat larger, bytes. */
const CONTEXT_BYTES = 1024 * 1024 - 200

/** Members of a context of the largest size. */
function members(member: (at: number) => string): string {
  let text = ''
  for (let at = 0; ; at += 1) {
    const next = member(at)
    if (text.length + next.length > CONTEXT_BYTES) return text
    text += text === '' ? next : `,${next}`
  }
}

/** What a client does, its request, and the status of the answer; 0 if the schedule may exist or not. */
type Step = readonly [string, () => Promise<number>, number]
/** The context of the most costly steps. */
const IN_EVERY_STEP = 'a new name in each object'
/** Contexts that took the event loop for up to 200 ms at once, each in a separate step. */
const CONTEXTS = {
  [IN_EVERY_STEP]: `[${members((at) => `{"name${at}":1}`)}]`,
  'empty objects': `[${members(() => '{}')}]`,
  'short numbers': `[${members(() => '1')}]`,
}
/**
 * Processor time of one turn, milliseconds. A single turn takes 10 to 50; reading the first of the bodies at once,
 * with the checks behind it, 170 to 210. The client of this test takes some of it, and a busy machine makes each
 * step slower.
 */
const TURN_MAX_MS = 120

/** Processor time of this thread, milliseconds: unlike the clock, it does not count what other processes take. */
function processorMs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6
}

/** The longest turn of the event loop during this work, milliseconds of processor time. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longestMs = 0
  let done = false
  const other = (async () => {
    for (let lastMs = processorMs(); !done;) {
      await nextTurn()
      const nowMs = processorMs()
      longestMs = Math.max(longestMs, nowMs - lastMs)
      lastMs = nowMs
    }
  })()
  await work()
  done = true
  await other
  return longestMs
}

async function send(method: string, path: string, body?: string, key?: string): Promise<number> {
  const response = await fetch(`${bench.gateway.url()}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined ? {} : { body }),
  })
  await response.arrayBuffer()
  return response.status
}

test.each(Object.entries(CONTEXTS))(
  'a body of the largest size with %s, and the answers to it, let other requests run (L7)',
  async (name, context) => {
    const task = `{"task":"a","context":${context}}`
    const schedule = '/v1/schedules/large'
    const most: Step[] = [
      ['a submission', () => send('POST', '/v1/tasks', task, name), 202],
      ['a schedule', () => send('PUT', schedule, `{"cron":"0 0 1 1 *","task":${task}}`), 0],
      ['reading it', () => send('GET', schedule), 200],
      ['metadata', () => send('POST', '/v1/tasks', `{"task":"a","metadata":${context}}`), 400],
      ['a broken body', () => send('POST', '/v1/tasks', task.replace(/..$/, ',]}')), 400],
    ]
    const others: Step[] = [
      ['the same submission', () => send('POST', '/v1/tasks', task, name), 202],
      ['a batch', () => send('POST', '/v1/tasks:batch', `{"tasks":[${task}]}`), 200],
      ['a goal', () => send('POST', '/v1/goals', `{"goal":"a","context":${context}}`), 202],
      ['listing it', () => send('GET', '/v1/schedules'), 200],
      ['running it', () => send('POST', `${schedule}/run`), 202],
      ['its ticks', () => send('GET', `${schedule}/ticks`), 200],
    ]
    // These read and write the context with the functions of the steps before; one context shows it.
    const steps = name === IN_EVERY_STEP ? [...most, ...others] : most
    const held: string[] = []
    // Compiles what the first refusal needs.
    await send('POST', '/v1/tasks', '{"task":1}')
    for (const [step, work, status] of steps) {
      const turnMs = await longestTurn(async () => {
        const answered = await work()
        if (status === 0) expect([200, 201]).toContain(answered)
        else expect(answered, step).toBe(status)
      })
      if (turnMs > TURN_MAX_MS) held.push(`${step}: ${turnMs.toFixed()} ms`)
    }
    expect(held).toEqual([])
  },
  60_000,
)

test('an object with more names than can be listed at once is refused with 413, in a list of objects they are taken', async () => {
  const names = (count: number) =>
    `{${Array.from({ length: count }, (_, at) => `"n${at}":1`).join()}}`
  const task = (context: string) => `{"task":"a","context":${context}}`
  expect(await send('POST', '/v1/tasks', task(names(16_385)))).toBe(413)
  expect(await send('POST', '/v1/tasks', task(`[${names(16_384)},${names(16_384)}]`))).toBe(202)
})

test('a schedule with a large context is read as it was written', async () => {
  const task = { task: 'a', context: { list: Array.from({ length: 30_000 }, (_, at) => at) } }
  const body = JSON.stringify({ cron: '0 0 1 1 *', task })
  await send('PUT', '/v1/schedules/whole', body)
  const response = await fetch(`${bench.gateway.url()}/v1/schedules/whole`)
  expect(await response.json()).toMatchObject({ task })
})
