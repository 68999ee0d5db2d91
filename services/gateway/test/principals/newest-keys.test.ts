import { expect, test } from 'vitest'
import { createNewestKey } from '../../src/principals/newest-keys.ts'

function setup() {
  let nowMs = 0
  let reads = 0
  const newest = createNewestKey({
    keys: {
      last() {
        reads += 1
        return Promise.resolve(undefined)
      },
    },
    directory: { take() {} },
    monotonicMs: () => nowMs,
  })
  return {
    /** Asks for unknown keys from this address; returns how many of them the gateway read. */
    ask(address: string, count: number): number {
      const before = reads
      for (let sent = 0; sent < count; sent += 1) void newest('abcdefghijkm', address)
      return reads - before
    },
    pass: (ms: number) => (nowMs += ms),
  }
}

test('an address that sends unknown keys has a share of the reads, so a fresh key of another address is still read', () => {
  const { ask, pass } = setup()
  for (let seconds = 0; seconds < 10; seconds += 1) {
    expect(ask('10.0.0.1', 10_000)).toBeLessThanOrEqual(20)
    expect(ask('10.0.0.2', 1)).toBe(1)
    pass(1_000)
  }
  // A network of IPv6 is one address.
  expect(ask('2001:db8::1', 1_000) + ask('2001:db8::2', 1_000)).toBe(20)
})

test('all addresses together have a bounded number of reads (L7)', () => {
  const { ask, pass } = setup()
  const flood = () => {
    let read = 0
    for (let at = 0; at < 1_000; at += 1) read += ask(`10.0.${at >> 8}.${at & 255}`, 20)
    return read
  }
  expect(flood()).toBe(100)
  pass(1_000)
  expect(flood()).toBe(100)
})
