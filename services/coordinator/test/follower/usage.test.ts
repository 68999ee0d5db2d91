import type { Bus, UsageTotals } from '@agentfleet/adapters'
import { transition, type TaskEvent } from '@agentfleet/domain'
import { createLogger } from '@agentfleet/runtime'
import { PLAIN_SPEC } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createUsageCounter, NOTED_MAX_BYTES } from '../../src/follower/usage.ts'

const log = createLogger({ service: 'coordinator', id: 'test', level: 'silent' })

test('usage that waits for Redis takes bounded memory, even with the longest names (L7)', () => {
  // Redis is away: nothing is written, and what waits is only noted.
  const counter = createUsageCounter({
    bus: {} as Bus,
    totals: {} as UsageTotals,
    metadataKeys: [],
    log,
  })
  const submitted = {
    type: 'submitted',
    atMs: 1,
    tenant: 't'.repeat(128),
    spec: PLAIN_SPEC,
    specHash: 'h',
  } as const
  const folded = transition('task', undefined, submitted, 1)
  if (folded.kind !== 'applied') throw new Error(folded.kind)
  const name = 'm'.repeat(256)
  const event: TaskEvent = {
    type: 'call-finished',
    atMs: 2,
    attempt: 1,
    call: {
      step: 1,
      kind: 'llm',
      name,
      output: null,
      usage: { inputTokens: 1, outputTokens: 1, llmCalls: 1 },
      by: { provider: name, model: name },
    },
  }
  let most = 0
  for (let seq = 2; seq < 60_000; seq += 1) {
    counter.note(event, seq, folded.record)
    most = Math.max(most, counter.waitingBytes())
  }
  expect(most).toBeLessThanOrEqual(NOTED_MAX_BYTES)
  // The bound was reached: what waited was dropped, and a flush counts it from the log.
  expect(counter.waitingBytes()).toBeLessThan(most)
})
