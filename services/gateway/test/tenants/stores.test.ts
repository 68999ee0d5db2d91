import { openAgents, openSchedules } from '@agentfleet/adapters'
import { inParallel } from '@agentfleet/runtime'
import { recordOf } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'

const KEYS = { a: 'key-a-0123456789abc', b: 'key-b-0123456789abc' }
const CONFIG = { API_KEYS: `a:${KEYS.a},b:${KEYS.b}` }
/** Nearly the longest system prompt, of characters with three bytes. */
const PROMPT = '€'.repeat(32_000)
/** Fewer than a tenant may have; each change of one is a version, which takes room, too. */
const AGENTS = 50
/** Nearly the largest body. */
const CONTEXT = 'c'.repeat(1_000_000)

/** Another tenant has filled most of both stores, so a tenant soon reaches the share that is left to it. */
const OTHER = { tenant: 'other', agents: 500, schedules: 95 }

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

let bench: GatewayBench
beforeAll(async () => {
  bench = await setup(CONFIG)
  const { tenant } = OTHER
  const [agents, schedules] = [openAgents(bench.bus), openSchedules(bench.bus)]
  const definition = { systemPrompt: PROMPT }
  await inParallel(numbers(OTHER.agents), 20, (at) =>
    agents.store({ tenant, name: `agent-${at}`, version: 1, atMs: 0, definition }, 0),
  )
  const times = { cron: '0 0 1 1 *', timeZone: 'UTC', overlap: 'skip', paused: true } as const
  const { spec } = recordOf('t')
  const schedule = { ...times, atMs: 0, spec, request: { task: 'x', context: CONTEXT } }
  await inParallel(numbers(OTHER.schedules), 10, (at) =>
    schedules.put(tenant, `schedule-${at}`, schedule),
  )
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

/** Writes until one is refused; returns how many were stored, and the code of the refusal. */
async function fill(
  parallel: number,
  put: (at: number) => Promise<unknown>,
): Promise<readonly [number, string]> {
  let stored = 0
  let code = ''
  let next = 0
  const lane = async (): Promise<void> => {
    while (code === '') {
      try {
        await put(next++)
        stored += 1
      } catch (error) {
        code = (error as { problem?: { code: string } }).problem?.code ?? String(error)
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, lane))
  return [stored, code]
}

test('a tenant that fills the store of agents leaves room for another tenant (L7)', async () => {
  const put = (key: string, at: number) =>
    bench.client(key).putAgent(`agent-${at % AGENTS}`, { systemPrompt: `${at} ${PROMPT}` })
  const [stored, code] = await fill(4, (at) => put(KEYS.a, at))
  expect([stored > 40, code]).toEqual([true, 'agents-full'])
  await put(KEYS.b, 0)
})

test('a tenant that fills the store of schedules leaves room for another tenant (L7)', async () => {
  const task = { task: 'x', context: { text: CONTEXT } }
  const put = (key: string, at: number) =>
    bench.client(key).putSchedule(`schedule-${at}`, { cron: '0 0 1 1 *', task })
  const [stored, code] = await fill(4, (at) => put(KEYS.a, at))
  expect([stored > 5, code]).toEqual([true, 'schedules-full'])
  await put(KEYS.b, 0)
})

test('a page of the list of schedules ends after its limit or 1 MiB of tasks, and the client reads all pages (L7)', async () => {
  const client = bench.client(KEYS.b)
  for (const name of ['p1', 'p2', 'p3']) {
    await client.putSchedule(name, { cron: '0 0 1 1 *', task: { task: 'x', context: CONTEXT } })
  }
  const headers = { authorization: `Bearer ${KEYS.b}` }
  const answer = await fetch(`${bench.gateway.url()}/v1/schedules`, { headers })
  const text = await answer.text()
  expect(text.length).toBeLessThan(3 * CONTEXT.length)
  expect(JSON.parse(text)).toHaveProperty('nextCursor')
  const names = (await client.schedules()).map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['p1', 'p2', 'p3']))
  expect(new Set(names).size).toBe(names.length)
  const first = await fetch(`${bench.gateway.url()}/v1/schedules?limit=1`, { headers })
  expect(await first.json()).toMatchObject({
    schedules: [{ name: names[0] }],
    nextCursor: expect.any(String) as string,
  })
})
