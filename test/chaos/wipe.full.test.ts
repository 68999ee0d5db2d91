import type { UsageReport } from '@agentfleet/protocol'
import { eventually, startTestFleet, withRedis, type TestFleet } from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAllEnded, judge, submitAll, WITHIN_MS } from './support.ts'

/** Redis and TASKS are disposable: wiping them loses nothing (L8). */
let test: TestFleet
let audit: Audit
beforeAll(async () => {
  test = await startTestFleet({
    workers: 2,
    env: { worker: { WORKER_SLOTS: '2000' } },
  })
  audit = await judge(test)
}, WITHIN_MS)
afterAll(async () => {
  await audit.close()
  await test[Symbol.asyncDispose]()
})

/** 50000 and 1000 test more than `npm run test:full` does. */
const FINISHED = Number(process.env['WIPE_FINISHED'] ?? 3_000)
const RUNNING = Number(process.env['WIPE_RUNNING'] ?? 200)
/** Tasks with an LLM call that have ended: their cost is counted again as well. */
const PAID = 10
/** Long enough that all of them still run during the wipe, milliseconds. */
const RUN_MS = 8_000

async function usage(): Promise<UsageReport> {
  const answer = await fetch(`${test.fleet.url}/v1/usage?scope=fleet`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as UsageReport
}

/** Resolves when lists and counts have all tasks; until then each answer must refuse, and none may leave out tasks. */
async function untilWhole(completed: number): Promise<void> {
  const read = async <T>(call: Promise<T>): Promise<T | undefined> => {
    try {
      return await call
    } catch (error) {
      expect(error).toMatchObject({ status: 503, problem: { code: 'store-unavailable' } })
      return undefined
    }
  }
  const short: string[] = []
  await eventually(async () => {
    const counts = await read(test.client.count({ groupBy: 'state', state: 'completed' }))
    const page = await read(test.client.list({ state: 'completed', limit: 200 }))
    if (counts === undefined || page === undefined) throw new Error('Redis lacks records')
    const [listed, counted] = [page.tasks.length, counts.groups[0]?.count ?? 0]
    if (listed < Math.min(200, completed) || counted < completed)
      short.push(`${listed} listed, ${counted} counted`)
  }, 120_000)
  expect(short).toEqual([])
}

describe('a wiped Redis and purged pointers', { timeout: WITHIN_MS }, () => {
  it('do not make the fleet lose a task: all records are readable again and every unfinished task finishes', async () => {
    const finished = await submitAll(test.client, FINISHED, { task: 'done', model: 'echo' })
    const paid = await submitAll(test.client, PAID, { task: 'paid', model: 'sim?ttft=10&tokens=5' })
    await audit.untilEnded(FINISHED + PAID, 120_000)
    const running = await submitAll(test.client, RUNNING, {
      task: 'still running',
      model: `sim?ttft=${RUN_MS}&tokens=5`,
    })
    await eventually(async () => {
      const { nodes } = await test.client.fleet()
      expect(nodes.reduce((sum, node) => sum + node.active, 0)).toBeGreaterThanOrEqual(RUNNING)
    }, 30_000)

    await eventually(async () => expect((await usage()).total.llmCalls).toBe(PAID))
    const { redisUrl } = test.fleet
    await withRedis(redisUrl, (redis) => redis.flushall())
    const purge = await test.bus.request('$JS.API.STREAM.PURGE.TASKS', '', 5_000)
    expect(purge.kind).toBe('reply')
    const wipedAtMs = performance.now()
    const lists = untilWhole(FINISHED + PAID)

    // Single tasks are readable at once, from the log.
    expect(await test.client.get(finished[0]!.taskId)).toMatchObject({ state: 'completed' })
    expect(await test.client.get(running[0]!.taskId)).toMatchObject({
      state: expect.stringMatching(/queued|running/),
    })
    await eventually(async () => {
      const completed = await withRedis(redisUrl, (each) => each.zcard('tasks:default:completed'))
      expect(completed).toBeGreaterThanOrEqual(FINISHED)
    }, 120_000)
    await lists
    console.log(
      `projection of ${FINISHED + RUNNING} tasks rebuilt ${Math.round(performance.now() - wipedAtMs)} ms after the wipe`,
    )
    await expectAllEnded(audit, [...finished, ...paid, ...running])
    await eventually(async () => {
      expect((await usage()).total.llmCalls).toBe(PAID + RUNNING)
    })
    // The nodes continued their runs: none was taken from them and paid for again.
    const { started } = (await (await fetch(`${test.fleet.simulators[0]}/sim/stats`)).json()) as {
      started: number
    }
    expect(started).toBe(PAID + RUNNING)
  })
})

describe('deleted streams', { timeout: WITHIN_MS }, () => {
  it('are made again while the fleet runs: tasks end, definitions count, a schedule runs, and no process had to end', async () => {
    const { client, fleet } = test
    const manager = await test.bus.nats.jetstreamManager()
    const pids = () => fleet.members('coordinator').map((member) => member.pid())
    const before = pids()
    await client.putAgent('lost', { model: 'echo', role: 'lost' })
    for (const stream of ['TASKS', 'OPS', 'SCHEDULES', 'AGENTS', 'KEYS', 'AUDIT']) {
      await manager.streams.delete(stream)
      await eventually(() => manager.streams.info(stream), 30_000)
    }
    const tasks = await submitAll(client, 50, { task: 'after', model: 'echo' })
    for (const { taskId } of tasks)
      await eventually(
        async () => expect((await client.get(taskId)).state).toBe('completed'),
        30_000,
      )
    await expectAllEnded(audit, tasks)
    await eventually(async () => {
      await expect(client.agent('lost')).rejects.toMatchObject({ status: 404 })
      expect((await client.putAgent('new', { model: 'echo', role: 'new' })).version).toBe(1)
    }, 30_000)
    await client.putSchedule('often', {
      cron: '* * * * * *',
      task: { task: 'tick', model: 'echo' },
    })
    await eventually(async () => {
      expect((await client.schedule('often')).lastTaskId).toBeDefined()
    }, 30_000)
    await client.deleteSchedule('often')
    expect(pids()).toEqual(before)
  })
})
