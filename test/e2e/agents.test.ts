import { eventually } from '@agentfleet/testkit'
import { countPaidTwice } from '@agentfleet/tools'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

/** Definitions of agents and replays of ended tasks, through HTTP only. */
let test: Tenant
beforeAll(async () => {
  test = await joinSharedFleet('agents')
})
afterAll(() => test[Symbol.asyncDispose]())

it('a task runs as its defined agent, with the model of the definition', async () => {
  const { client } = test
  await client.putAgent('echoer', { systemPrompt: 'repeat', model: 'echo' })
  const view = await client.submit({ task: 'hello', agent: 'echoer' }, { waitSeconds: 30 })
  expect(view).toMatchObject({
    state: 'completed',
    result: 'hello',
    model: 'echo',
    definition: { name: 'echoer', version: 1 },
  })
})

it('a replayed run continues from its journal, and its tenant does not pay for a finished call again', async () => {
  const { client, fleet } = test
  const refused = { status: 400, message: 'no such thing', code: 'invalid_request' }
  const calculate = (expression: string) => ({
    toolCalls: [{ name: 'calculate', arguments: { expression } }],
  })
  const model = await test.script('breaks', [
    calculate('1+1'),
    calculate('2+2'),
    { error: refused },
  ])
  const failed = await client.submit(
    { task: 'three calls', model, maxAttempts: 1 },
    { waitSeconds: 30 },
  )
  expect(failed).toMatchObject({ state: 'failed', usage: { llmCalls: 2 } })
  await eventually(async () => {
    expect((await client.list({ state: 'failed' })).tasks.map(({ id }) => id)).toContain(failed.id)
  }, SOON_MS)

  await test.script('breaks', [calculate('1+1'), calculate('2+2'), { content: 'four' }])
  const page = await client.replayAll({ from: 'journal' }, { idempotencyKey: 'storm' })
  expect(page.results).toMatchObject([{ replayOf: failed.id, status: 202 }])
  const id = page.results[0]?.taskId ?? ''
  const done = await eventually(async () => {
    const view = await client.get(id)
    expect(view).toMatchObject({ state: 'completed', result: 'four', replayOf: failed.id })
    return view
  }, SOON_MS)
  // The one call that was missing.
  const calls = await test.callsOf(id)
  expect(calls.map(({ started }) => started)).toEqual([1])
  expect(done.usage.llmCalls).toBe(1)
  expect(await countPaidTwice([fleet.simulator], [id])).toEqual({
    startedTwice: 0,
    finishedTwice: 0,
    stored: [],
  })
})
