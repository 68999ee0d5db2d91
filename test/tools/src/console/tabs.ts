import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { connectStore } from '@agentfleet/adapters'
import { createClient } from '@agentfleet/client'
import type { Fleet } from '@agentfleet/local'
import { say } from '../command/flags.ts'
import { show } from '../figures.ts'
import { cpuTimeUs } from '../fleet/processes.ts'
import { silentLog } from '../fleet/silent-log.ts'

/** What open tabs of the page cost the gateway, and what the stores hold because of them. */

/** The share of one core that the gateway may use for the tabs, per cent. */
const SHARE_MAX = 5
/** Milliseconds until every tab has its first frames. */
const SETTLED_AFTER_MS = 3_000
/** Bytes by which Redis may grow while the tabs are open; its own figures differ by as much. */
const REDIS_GROWTH_MAX = 1024 * 1024
const US_PER_SECOND = 1e6
const PERCENT = 100

/** Opens the tabs as the page does, measures, and returns what is wrong. */
export async function measureTabs(
  fleet: Fleet,
  { tabs, seconds }: { readonly tabs: number; readonly seconds: number },
): Promise<readonly string[]> {
  const client = createClient({ baseUrl: fleet.url })
  const store = await connectStore({ url: fleet.redisUrl, log: silentLog() })
  const share = async (): Promise<number> => {
    const pids = fleet.members('gateway').map((member) => member.pid())
    const used = () => pids.reduce((sum, pid) => sum + cpuTimeUs(pid), 0)
    const before = used()
    const startedAtMs = performance.now()
    await delay(seconds * 1_000)
    const elapsedUs = ((performance.now() - startedAtMs) / 1_000) * US_PER_SECOND
    return ((used() - before) / elapsedUs) * PERCENT
  }
  const abort = new AbortController()
  // Every tab listens to it.
  setMaxListeners(0, abort.signal)
  let frames = 0
  try {
    await delay(SETTLED_AFTER_MS)
    const alone = await share()
    const { bytes: before } = await store.fill()
    const open = Array.from({ length: tabs }, async () => {
      const topics = ['stats', 'nodes', 'decisions', 'incidents'] as const
      for await (const _frame of client.follow(topics, { signal: abort.signal })) frames += 1
    })
    await delay(SETTLED_AFTER_MS)
    const firstFrames = frames
    const withTabs = await share()
    const { bytes: after } = await store.fill()
    abort.abort()
    await Promise.allSettled(open)
    const heard = (frames - firstFrames) / tabs / seconds
    say(`tabs: ${tabs} tabs get ${show(heard)} frames a second each`)
    say(`tabs: the gateway uses ${show(withTabs)} % of a core, ${show(alone)} % without tabs`)
    say(`tabs: Redis holds ${after - before} bytes more`)
    return [
      ...(heard < 0.5 ? [`a tab got ${show(heard)} frames a second`] : []),
      ...(withTabs - alone > SHARE_MAX
        ? [`the tabs cost ${show(withTabs - alone)} % of a core`]
        : []),
      ...(after - before > REDIS_GROWTH_MAX ? [`Redis grew by ${after - before} bytes`] : []),
    ]
  } finally {
    abort.abort()
    await store.close()
  }
}
