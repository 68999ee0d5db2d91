import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startWorld } from './support.ts'

let world: Awaited<ReturnType<typeof startWorld>>
const until = (holds: () => boolean, timeout = 30_000) =>
  vi.waitUntil(holds, { timeout, interval: 10 })

beforeAll(async () => {
  world = await startWorld()
}, 300_000)

afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

describe('the leadership of the autoscaler', () => {
  const key = 'agentfleet/leader/test'
  const candidate = (holder: string) => world.registry().lead(key, { ttlMs: 10_000, holder })

  test('belongs to one replica and moves at once when that replica gives it back', async () => {
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

  test('F2: ends within its time to live when Consul is down, and begins again when Consul is back', async () => {
    const only = candidate('only')
    await until(() => only.leading())
    const stoppedAtMs = performance.now()
    world.consul.kill('SIGSTOP')
    let ledAtMs = stoppedAtMs
    await until(() => {
      const nowMs = performance.now()
      if (only.leading()) ledAtMs = nowMs
      return ledAtMs < nowMs
    }, 30_000)
    // The last look at a leader, because a busy machine may look late.
    expect(ledAtMs - stoppedAtMs).toBeLessThan(10_500)
    world.consul.kill('SIGCONT')
    await until(() => only.leading(), 30_000)
    await only.close()
  })
})
