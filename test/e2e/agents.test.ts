import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import { countPaidTwice, simulatorTotals } from '@agentfleet/tools'
import { afterAll, beforeAll, expect, it } from 'vitest'

/** Definitions of agents and replays of ended tasks, through HTTP only, on a fleet of real processes. */
let test: TestFleet
beforeAll(async () => {
  test = await startTestFleet({ workers: 1 })
})
afterAll(() => test[Symbol.asyncDispose]())

/** Every condition here is met within this, on a busy machine, milliseconds. */
const SOON_MS = 20_000

it('a task runs as the agent that is defined, with the model of its definition', async () => {
  const { client } = test
  await client.putAgent('echoer', { instructions: 'repeat', model: 'echo' })
  const view = await client.submit({ task: 'hello', agent: 'echoer' }, { waitSeconds: 30 })
  expect(view).toMatchObject({
    state: 'completed',
    result: 'hello',
    model: 'echo',
    definition: { name: 'echoer', version: 1 },
  })
})

it('definitions outlive the gateway and nats-server', async () => {
  const { client, fleet } = test
  const { version } = await client.putAgent('lasting', { model: 'echo', role: 'lasting one' })
  fleet.nats.kill('SIGKILL')
  fleet.members('gateway')[0]?.kill('SIGKILL')
  await fleet.nats.restart()
  await eventually(async () => {
    expect((await client.agent('lasting')).version).toBe(version)
    const view = await client.submit({ task: 'again', agent: 'lasting' }, { waitSeconds: 10 })
    expect(view).toMatchObject({ state: 'completed', result: 'again' })
  }, 60_000)
})

it('a failed run goes on behind its journal, and no finished call of it is paid again', async () => {
  const { client, fleet } = test
  const [simulator = ''] = fleet.simulators
  const refused = { status: 400, message: 'no such thing', code: 'invalid_request' }
  const calculate = (expression: string) => ({
    toolCalls: [{ name: 'calculate', arguments: { expression } }],
  })
  const script = async (turns: readonly object[]) => {
    const body = JSON.stringify({ name: 'breaks', turns })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${simulator}/sim/scripts`, { method: 'POST', headers, body })
    expect(answer.ok, await answer.text()).toBe(true)
  }
  await script([calculate('1+1'), calculate('2+2'), { error: refused }])
  const failed = await client.submit(
    { task: 'three calls', model: 'sim-script:breaks', maxAttempts: 1 },
    { waitSeconds: 30 },
  )
  expect(failed).toMatchObject({ state: 'failed', usage: { llmCalls: 2 } })
  await eventually(async () => {
    expect((await client.list({ state: 'failed' })).tasks.map(({ id }) => id)).toContain(failed.id)
  }, SOON_MS)

  await script([calculate('1+1'), calculate('2+2'), { content: 'four' }])
  const before = await simulatorTotals(fleet.simulators)
  const page = await client.replayAll({ from: 'journal' }, { idempotencyKey: 'storm' })
  expect(page.results).toMatchObject([{ replayOf: failed.id, status: 202 }])
  const id = page.results[0]?.taskId ?? ''
  const done = await eventually(async () => {
    const view = await client.get(id)
    expect(view).toMatchObject({ state: 'completed', result: 'four', replayOf: failed.id })
    return view
  }, SOON_MS)
  // The one call that was missing.
  const after = await simulatorTotals(fleet.simulators)
  expect(after.started - before.started).toBe(1)
  expect(done.usage.llmCalls).toBe(1)
  expect(await countPaidTwice(fleet.simulators, [id])).toEqual({
    startedTwice: 0,
    finishedTwice: 0,
  })
})
