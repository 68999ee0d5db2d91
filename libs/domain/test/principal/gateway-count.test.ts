import { expect, test } from 'vitest'
import {
  gatewayCount,
  hearGateways,
  type GatewaysHeard,
} from '../../src/principal/gateway-count.ts'

/** What a gateway knows after announcements of these numbers, half a second apart; the last one is at `endMs`. */
function heardOf(counts: readonly number[]): { heard: GatewaysHeard | undefined; endMs: number } {
  let heard: GatewaysHeard | undefined
  let endMs = 0
  for (const count of counts) {
    endMs += 500
    heard = hearGateways(heard, count, endMs)
  }
  return { heard, endMs }
}
const times = (count: number, many: number) => Array.from({ length: many }, () => count)

test('a gateway does not rely on a number of gateways before it has listened for three seconds', () => {
  expect(gatewayCount(undefined, 99_999)).toBeUndefined()
  const early = heardOf(times(1, 6))
  expect(gatewayCount(early.heard, early.endMs)).toBeUndefined()
  const later = heardOf(times(1, 7))
  expect(gatewayCount(later.heard, later.endMs)).toBe(1)
})

test('a gateway relies on no number while it hears no coordinator, and listens again afterwards', () => {
  const { heard, endMs } = heardOf(times(2, 20))
  expect(gatewayCount(heard, endMs + 3_999)).toBe(2)
  expect(gatewayCount(heard, endMs + 4_000)).toBeUndefined()
  const back = hearGateways(heard, 2, endMs + 4_000)
  expect(gatewayCount(back, endMs + 4_000)).toBeUndefined()
})

test('a larger number of gateways counts at once, and a smaller one only after three seconds', () => {
  const more = heardOf([...times(2, 10), 3])
  expect(gatewayCount(more.heard, more.endMs)).toBe(3)
  // A coordinator that starts hears one gateway after the other.
  const started = heardOf([...times(3, 10), 1, 2, 3])
  expect(gatewayCount(started.heard, started.endMs)).toBe(3)
  const fewer = heardOf([...times(3, 10), ...times(2, 5)])
  expect(gatewayCount(fewer.heard, fewer.endMs)).toBe(3)
  const less = heardOf([...times(3, 10), ...times(2, 6)])
  expect(gatewayCount(less.heard, less.endMs)).toBe(2)
})

test('a gateway keeps one entry for equal numbers of many coordinators', () => {
  const { heard } = heardOf(times(4, 1_000))
  expect(heard?.counts).toHaveLength(1)
})
