import { SCALE_LIMITS } from '@agentfleet/domain'
import type { Service } from '@agentfleet/runtime'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startWorld } from './support.ts'

let world: Awaited<ReturnType<typeof startWorld>>
const running: Service[] = []
const until = (holds: () => boolean, timeout = 10_000) =>
  vi.waitUntil(holds, { timeout, interval: 10 })
const recorded = (reason: string) => world.decisions.filter((one) => one.reason === reason)

async function autoscaler(...args: Parameters<typeof world.autoscaler>) {
  const service = await world.autoscaler(...args)
  running.push(service)
  return service
}
const leader = () => true

beforeAll(async () => {
  world = await startWorld()
}, 300_000)

beforeEach(() => world.forget())

afterEach(async () => {
  world.hush()
  for (const service of running.splice(0)) await service.drain(2_000)
})

afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

describe('scaling', () => {
  test('demand starts nodes, and the decision is recorded with its reason and inputs', async () => {
    world.pool.reset(2)
    world.tell({ running: 170, queued: 170 })
    await autoscaler(leader)
    await until(() => world.pool.processes.size === 4)
    await until(() => recorded('demand').length === 1)
    expect(recorded('demand')[0]).toMatchObject({
      kind: 'scale-out',
      inputs: { nodes: 2, decided: 4, queued: 170, running: 170, acted: true },
    })
    expect(world.pool.counts).toEqual([4])
  })

  test('idle capacity drains the least busy node, one at a time, and ends nothing itself', async () => {
    world.pool.reset(4)
    const busy = [...world.pool.processes.values()].slice(1)
    for (const process of busy) process.active = 5
    const idle = [...world.pool.processes.keys()][0]!
    world.tell({ running: 15 })
    await autoscaler(leader)
    await until(() => world.pool.draining().length === 1)
    expect(world.pool.draining()).toEqual([idle])
    expect(world.pool.counts.at(-1)).toBe(3)
    await until(() => recorded('draining').length === 1)
    expect(world.pool.processes.size).toBe(4)
    world.pool.exit(idle)
    await until(() => world.pool.draining().length === 1)
    expect(world.pool.counts.at(-1)).toBe(2)
  })

  test('nodes that drain are made up for when demand comes back', async () => {
    world.pool.reset(3)
    world.tell({ running: 0 })
    await autoscaler(leader)
    await until(() => world.pool.draining().length === 1)
    world.tell({ running: 250 })
    await until(() => world.pool.processes.size === 4)
    expect(world.pool.counts.at(-1)).toBe(4)
  })

  test('S2: without figures nothing is ever shrunk', async () => {
    world.pool.reset(5)
    await autoscaler(leader)
    await until(() => recorded('figures-missing').length === 1)
    world.tell({ backlogAtMs: 1 })
    await until(() => recorded('figures-missing').length === 1)
    const seen = world.decisions.length
    world.tell({ running: 0 })
    await until(() => world.decisions.length > seen)
    // The window has to be filled with known figures first.
    expect(world.decisions[seen]).toMatchObject({ kind: 'hold', reason: 'recent-demand' })
  })

  test('a fleet below its minimum is filled up even without figures', async () => {
    world.pool.reset(1)
    await autoscaler(leader)
    await until(() => world.pool.processes.size === 2)
    await until(() => recorded('below-minimum').length === 1)
  })

  test('S3: the instant of the last change outlives the autoscaler that made it', async () => {
    world.pool.reset(2)
    world.tell({ running: 300 })
    const limits = { ...SCALE_LIMITS, cooldownMs: 3_600_000 }
    const first = await autoscaler(leader, { limits })
    await until(() => recorded('demand').length === 1)
    await first.drain(2_000)
    world.tell({ running: 0 })
    await autoscaler(leader, { limits })
    await until(() => recorded('cooldown').length === 1)
    expect(recorded('cooldown')[0]?.inputs['changedAtMs']).toBe(
      recorded('demand')[0]?.inputs['changedAtMs'],
    )
  })

  test('S1: a follower observes and does nothing, until it leads', async () => {
    world.pool.reset(2)
    world.tell({ running: 300 })
    let leading = false
    let asked = 0
    await autoscaler(() => {
      asked += 1
      return leading
    })
    await until(() => asked > 4)
    expect(world.decisions).toEqual([])
    expect(world.pool.counts).toEqual([])
    leading = true
    await until(() => world.pool.processes.size === 4)
  })
})

describe('the leadership', () => {
  const key = 'agentfleet/leader/test'
  const candidate = (holder: string) => world.registry().lead(key, { ttlMs: 10_000, holder })

  test('is held by one, and moves at once when it is given back', async () => {
    const first = candidate('first')
    await until(() => first.leading())
    const second = candidate('second')
    let both = false
    const watch = setInterval(() => (both ||= first.leading() && second.leading()), 5)
    await first.close()
    await until(() => second.leading())
    expect(first.leading()).toBe(false)
    expect(both).toBe(false)
    clearInterval(watch)
    await second.close()
  })

  test('F2: is lost within its time to live when Consul is away, and comes back with it', async () => {
    const changes: boolean[] = []
    const onChange = (leading: boolean) => void changes.push(leading)
    const only = world.registry().lead(key, { ttlMs: 10_000, holder: 'only', onChange })
    await until(() => only.leading())
    const stoppedAtMs = performance.now()
    world.consul.kill('SIGSTOP')
    await until(() => !only.leading(), 15_000)
    expect(performance.now() - stoppedAtMs).toBeLessThan(10_500)
    world.consul.kill('SIGCONT')
    await until(() => only.leading(), 30_000)
    expect(changes).toEqual([true, false, true])
    await only.close()
  })
})
