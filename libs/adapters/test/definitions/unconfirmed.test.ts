import { STREAMS } from '@agentfleet/protocol'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Bus } from '../../src/index.ts'
import { openVersions } from '../../src/definitions/versions.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a change that NATS does not confirm may be stored: its error says that the outcome is unknown', async () => {
  const silent = {
    inboxPrefix: '_INBOX_test',
    nats: { subscribe: () => undefined },
    post: () => true,
    onReconnect: () => undefined,
  } as unknown as Bus
  const version = { subject: 'keys.k1', data: '{}', name: 'the key k1' }
  const stored = openVersions(silent, STREAMS.keys, 'replaces').store(version, 1)
  const refused = expect(stored).rejects.toMatchObject({
    code: 'outcome-unknown',
    message: expect.stringContaining('may be stored. Read the key k1 before') as string,
  })
  await vi.advanceTimersByTimeAsync(6_000)
  await refused
})
