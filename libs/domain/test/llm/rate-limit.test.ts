import { describe, expect, it } from 'vitest'
import {
  estimateCall,
  learnCall,
  localShare,
  NOTHING_LEARNED,
  RETRY_POLICIES,
  retryClassOf,
  retryDelayMs,
  strictest,
  takeLocally,
  type LocalBuckets,
} from '../../src/index.ts'

describe('the expected tokens of a call', () => {
  it('are learned from earlier calls', () => {
    let learned = NOTHING_LEARNED
    expect(estimateCall(learned, 400, 50)).toEqual({ inputTokens: 100, outputTokens: 50 })
    for (let i = 0; i < 200; i += 1) {
      learned = learnCall(learned, 400, { inputTokens: 200, outputTokens: 30 })
    }
    expect(estimateCall(learned, 400, undefined)).toEqual({ inputTokens: 200, outputTokens: 30 })
    expect(learnCall(learned, 400, { inputTokens: 0, outputTokens: 0 })).toBe(learned)
  })
})

describe('the rate limits of a provider', () => {
  it('are the stricter of the configured limits and the limits that the provider gives', () => {
    const configured = { rpm: 600, tpm: 0, concurrent: 8 }
    expect(strictest(configured, { rpm: 500, tpm: 90_000 })).toEqual({
      rpm: 500,
      tpm: 90_000,
      concurrent: 8,
    })
    expect(strictest(configured, {})).toEqual(configured)
  })

  it('allow a node only its share when the nodes cannot share buckets in Redis', () => {
    const share = localShare({ rpm: 600, tpm: 60_000, concurrent: 10 }, 4)
    expect(share).toEqual({ rpm: 135, tpm: 13_500, concurrent: 2 })
    let buckets: LocalBuckets | undefined
    let gone = 0
    let tokens = 0
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 10) {
      const decision = takeLocally(buckets, share, 90, 500, nowMs)
      buckets = decision.buckets
      if (decision.kind === 'wait') continue
      gone += 1
      tokens += 90
    }
    expect(gone).toBeGreaterThan(128)
    expect(gone).toBeLessThanOrEqual(136)
    expect(tokens).toBeLessThanOrEqual(13_500)
  })

  it('let a call larger than the bucket pass when the bucket is full, and delay the next calls', () => {
    const share = { rpm: 0, tpm: 6_000, concurrent: 0 }
    const first = takeLocally({ requests: 0, tokens: 50, atMs: 0 }, share, 600, 500, 0)
    if (first.kind !== 'go') throw new Error('not let through')
    expect(takeLocally(first.buckets, share, 10, 500, 0)).toMatchObject({ waitMs: 5_600 })
  })
})

describe('the retries of each class of error', () => {
  it('wait longer for an overloaded provider than for a failing provider', () => {
    const delay = (code: string) => retryDelayMs({ code }, 10, () => 1)
    expect(delay('provider-overloaded')).toBe(120_000)
    expect(delay('provider-unavailable')).toBe(60_000)
  })

  it('begin no earlier than the provider has asked for, up to a maximum', () => {
    const delay = (retryAfterMs: number) =>
      retryDelayMs({ code: 'provider-overloaded', retryAfterMs }, 1, () => 0.5)
    expect(delay(7_000)).toBe(7_500)
    expect(delay(86_400_000)).toBe(600_500)
  })

  it('end after fewer attempts for timeouts, because each attempt has already used its full time', () => {
    expect(retryDelayMs({ code: 'provider-timeout' }, 4, () => 1)).toBeDefined()
    expect(retryDelayMs({ code: 'provider-timeout' }, 5, () => 1)).toBeUndefined()
  })

  it('follow a policy with a bounded backoff, and an unknown code belongs to the class `defect`', () => {
    expect(retryClassOf('no-such-code')).toBe('defect')
    expect(retryClassOf('constructor')).toBe('defect')
    for (const { backoff } of Object.values(RETRY_POLICIES)) {
      if (backoff !== undefined) expect(backoff.capMs).toBeLessThanOrEqual(120_000)
    }
  })
})
