/** What tenants hold of the log, and what a coordinator holds back for the others. */
import { CHANNELS, type Holdings } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { rounds, startBench, TIMING, type Bench } from '../support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterEach(() => bench.reset())
afterAll(() => bench[Symbol.asyncDispose]())

/** Resolves with an announcement that satisfies the check. */
async function announced(check: (holdings: Holdings) => void): Promise<Holdings> {
  let last: Holdings | undefined
  const tap = bench.gateway.on(CHANNELS.holdings, (holdings) => (last = holdings))
  try {
    return await eventually(() => {
      if (last === undefined) throw new Error('nothing was announced')
      check(last)
      return last
    })
  } finally {
    tap.close()
  }
}

const of = ({ tenants }: Holdings, name: string) => tenants.find((each) => each?.tenant === name)

test('a restarted coordinator counts again from the log how many tasks and bytes each tenant has stored (L8)', async () => {
  const first = await bench.start()
  await bench.submit({ task: 'y'.repeat(5_000) }, { tenant: 'big' })
  await bench.submit({}, { tenant: 'small' })
  const ended = await bench.submit({}, { tenant: 'small' })
  await bench.complete(ended.taskId)
  const check = (holdings: Holdings) => {
    expect(of(holdings, 'big')).toMatchObject({ tasks: 1, ended: 0 })
    expect(of(holdings, 'small')).toMatchObject({ tasks: 1, ended: 1 })
  }
  const before = await announced(check)
  expect(before).toMatchObject({ tasks: 2, ended: 1 })
  expect(of(before, 'big')!.bytes).toBeGreaterThan(5_000)
  await bench.end(first)
  await bench.start()
  expect((await announced(check)).tenants).toEqual(before.tenants)
})

test('an ended task counts towards the stored tasks of its tenant until the task expires', async () => {
  await bench.start({ retentionMs: 1_000 })
  const ended = await bench.submit({}, { tenant: 'small' })
  await bench.complete(ended.taskId)
  await announced((holdings) => expect(holdings).toMatchObject({ tasks: 0, ended: 0, tenants: [] }))
})

test('the child tasks of a tenant over its limit wait until the tenant has room, and none of them is lost', async () => {
  const limited = new Map([['t', { weight: 1, logBytes: 3_000 }]])
  const first = await bench.start({ limits: limited })
  const parent = await bench.submit({ task: 'p'.repeat(3_000) })
  const child = { taskId: 'child', spec: { ...parent.spec, task: 'c' } }
  const spawned = {
    type: 'spawned',
    atMs: Date.now(),
    attempt: 1,
    step: 0,
    children: [child],
  } as const
  await bench.append(parent.taskId, spawned)
  await announced((holdings) => expect(holdings.tasks).toBe(1))
  // A sweep creates a missing child after followAfterMs.
  await rounds(TIMING.followAfterMs, 2)
  expect(await bench.taskLog.last('child')).toBeUndefined()
  await bench.end(first)
  await bench.start()
  await eventually(async () => {
    expect(await bench.taskLog.last('child')).toBeDefined()
  })
})
