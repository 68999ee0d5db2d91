import { connectProviderLimits } from '@agentfleet/adapters'
import { UNLIMITED } from '@agentfleet/domain'
import { createLogger } from '@agentfleet/runtime'
import { startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createLimiter } from '../../src/limits/limiter.ts'

const log = createLogger({ service: 'worker', id: 'test', level: 'silent' })
/** Ten calls a second: five begin at once, the next ones a tenth of a second apart, for one second. */
const LIMITS = { ...UNLIMITED, rpm: 600 }
const CALLS = 15
/** Longer than any of these calls was promised to wait, milliseconds. */
const CLOSED_MS = 1_500
/** Milliseconds within which the calls of one batch of grants begin, on a busy machine. */
const TOGETHER_MS = 500

test('a call that waits for a grant at a promised time does not begin after the provider has closed the key', async () => {
  await using servers = await startTestServers(['redis'])
  const shared = await connectProviderLimits({ url: servers.redis.url, log })
  const nowMs = (): number => performance.now()
  const limiter = createLimiter({
    key: 'key',
    node: 'n1',
    limits: LIMITS,
    shared,
    nowMs,
    random: Math.random,
  })
  let closedAtMs = 0
  const beganMs: number[] = []
  const enter = async (id: string): Promise<void> => {
    const onWait = (): void => undefined
    const call = {
      tenant: 't',
      priority: 'medium',
      sinceMs: 1,
      tokens: 0,
      patienceMs: 10_000,
    } as const
    await limiter.enter({ id, ...call, onWait })
    beganMs.push(nowMs())
    if (closedAtMs > 0) return
    closedAtMs = nowMs()
    limiter.leave(id, { reserved: 0, used: 0, closedMs: CLOSED_MS })
  }
  await Promise.all(Array.from({ length: CALLS }, (_, index) => enter(`call-${index}`)))
  // Calls that began together with the refused one were under way before the refusal.
  const later = beganMs.filter((atMs) => atMs > closedAtMs + TOGETHER_MS)
  expect(later.length).toBeGreaterThan(0)
  expect(Math.min(...later) - closedAtMs).toBeGreaterThan(CLOSED_MS - TOGETHER_MS)
  await shared.close()
})
