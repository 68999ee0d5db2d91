import { createClient, type Client } from '@agentfleet/client'
import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import { TIMING } from '@agentfleet/domain'
import { simulatorTotals } from '@agentfleet/tools'
import { afterAll, beforeAll, expect, test } from 'vitest'

/**
 * Several tenants on one fleet: the queue of one must not delay the others. The full size is
 * FAIRNESS_TASKS=20000.
 */
const CROWD = Number(process.env['FAIRNESS_TASKS'] ?? 2_000)
/** Slots of both nodes together, and how long a task holds one, milliseconds. */
const SLOTS = 128
const TASK_MS = 500
const SMALL = 20
const LIMIT = 5
const BATCH = 500
/** The queue is drained within this on two busy cores, milliseconds. */
const DRAINED_WITHIN_MS = 30_000 + (CROWD / SLOTS) * TASK_MS * 4

const keyOf = (tenant: string) => `${tenant}-key-0123456789`
const TENANTS = ['crowd', 'small', 'limited']

let fleet: TestFleet
beforeAll(async () => {
  fleet = await startTestFleet({
    workers: 2,
    env: {
      gateway: { API_KEYS: TENANTS.map((tenant) => `${tenant}:${keyOf(tenant)}`).join(',') },
      worker: { WORKER_SLOTS: String(SLOTS / 2) },
      'load-balancer': {
        TENANT_LIMITS: JSON.stringify({ limited: { concurrency: LIMIT }, '*': { weight: 1 } }),
      },
    },
  })
})
afterAll(() => fleet[Symbol.asyncDispose]())

const clientOf = (tenant: string): Client =>
  createClient({ baseUrl: fleet.fleet.url, apiKey: keyOf(tenant) })

const TASK = { task: 'wait', model: `sim?ttft=${TASK_MS}&tokens=1` }

/** How long each of a few tasks took from its submission to its result, sorted, milliseconds. */
async function waits(client: Client): Promise<number[]> {
  const all = await Promise.all(
    Array.from({ length: SMALL }, async () => {
      const startedAtMs = performance.now()
      const view = await client.submit(TASK, { waitSeconds: 60 })
      expect(view.state).toBe('completed')
      return performance.now() - startedAtMs
    }),
  )
  return all.sort((a, b) => a - b)
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? 0

async function submitMany(client: Client, count: number): Promise<void> {
  for (let left = count; left > 0; left -= BATCH) {
    const tasks = Array.from({ length: Math.min(BATCH, left) }, () => TASK)
    const results = await client.submitBatch(tasks)
    expect(results.every(({ status }) => status === 202)).toBe(true)
  }
}

test(
  'a tenant with a full queue does not make another tenant wait more than twice as long as it would wait alone',
  async () => {
    const crowd = clientOf('crowd')
    const small = clientOf('small')
    // The first calls of new processes are slow on both sides of the comparison.
    await waits(small)
    const alone = await waits(small)
    await submitMany(crowd, CROWD)
    await eventually(async () => {
      const { queued, running } = await crowd.fleet({ history: false })
      expect(running).toBeGreaterThanOrEqual(SLOTS)
      expect(queued).toBeGreaterThan(CROWD / 4)
    })
    const beside = await waits(small)
    const { queued } = await crowd.fleet({ history: false })
    const figures = { aloneMs: median(alone), besideMs: median(beside), queuedBehind: queued }
    console.log(`fairness: ${JSON.stringify(figures)}`)
    // The queue was long to the end; otherwise nothing was shared.
    expect(queued).toBeGreaterThan(0)
    expect(median(beside)).toBeLessThanOrEqual(2 * median(alone))
    expect(beside.at(-1)).toBeLessThanOrEqual(4 * median(alone))
    await eventually(async () => {
      const { queued: left, running } = await crowd.fleet({ history: false })
      expect(left + running).toBe(0)
    }, DRAINED_WITHIN_MS)
  },
  DRAINED_WITHIN_MS + 120_000,
)

test('a tenant has no more tasks in flight than its limit, even when a load balancer that serves its tasks is killed', async () => {
  const limited = clientOf('limited')
  const [simulator = ''] = fleet.fleet.simulators
  await fetch(`${simulator}/sim/reset`, { method: 'POST' })
  await submitMany(limited, 8 * LIMIT)
  const [balancer] = fleet.fleet.members('load-balancer')
  await eventually(async () => {
    expect((await simulatorTotals(fleet.fleet.simulators)).finished).toBeGreaterThan(2 * LIMIT)
  })
  balancer?.kill('SIGKILL')
  await eventually(async () => {
    const { finished } = await simulatorTotals(fleet.fleet.simulators)
    expect(finished).toBe(8 * LIMIT)
    // The tasks of the killed one return when their leases end.
  }, 3 * TIMING.leaseMs)
  const { started, inFlightPeak } = await simulatorTotals(fleet.fleet.simulators)
  expect(inFlightPeak).toBeLessThanOrEqual(LIMIT)
  expect(inFlightPeak).toBeGreaterThan(LIMIT / 2)
  // Nothing was paid twice on the way.
  expect(started).toBe(8 * LIMIT)
}, 120_000)
