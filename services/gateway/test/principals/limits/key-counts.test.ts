import { manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createKeyCounts } from '../../../src/principals/limits/key-counts.ts'

/** The counts of a gateway for which this function plays Redis: it gives whatever is asked for. */
function setup() {
  const drawn = new Map<string, number>()
  const counts = createKeyCounts({
    shared: {
      draw(keyId, _perMinute, asked) {
        drawn.set(keyId, (drawn.get(keyId) ?? 0) + 1)
        const extra = asked?.extra ?? 0
        return Promise.resolve({ kind: 'given', extra, left: 100, retryAfterMs: 0 })
      },
      open: () => Promise.resolve(1),
      renew: () => Promise.resolve(),
      connected: () => true,
    },
    gateways: () => 1,
    gatewaysForCertain: () => 1,
    clock: manualClock(1_000),
    log: { debug() {} },
  })
  const enter = (tenant: string, keyId: string) =>
    counts.enter({ keyId, tenant, limits: { requestsPerMinute: 4_000 } }, '')
  return { enter, drawn }
}

test('a tenant with more keys than a gateway counts makes it forget its own oldest count, and the key of another tenant keeps its reserve (L7)', async () => {
  const { enter, drawn } = setup()
  await enter('quiet', 'of-quiet')
  for (let at = 0; at < 20_000; at += 1) await enter('busy', `busy-${at}`)
  // A request with a permit of the reserve asks Redis nothing.
  expect(enter('quiet', 'of-quiet')).toMatchObject({ kind: 'entered' })
  expect(drawn.get('of-quiet')).toBe(1)
  expect(enter('busy', 'busy-19999')).toMatchObject({ kind: 'entered' })
  await enter('busy', 'busy-0')
  expect(drawn.get('busy-0')).toBe(2)
})
