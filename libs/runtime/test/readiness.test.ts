import { expect, test } from 'vitest'
import { awayOf, readinessOf } from '../src/readiness.ts'

const need = (connected: boolean) => ({ connected: () => connected })

test('a need that is not connected is unavailable; a need that has no connection is not', () => {
  expect(awayOf({ bus: need(true), store: need(false), adviser: {} })).toEqual(['store-away'])
})

test('a service without a need that it cannot work without is not ready, with the reason', () => {
  const away = ['store-away', 'discovery-away']
  expect(readinessOf({ ok: true }, away, ['store'])).toEqual({
    ok: false,
    reason: 'discovery-away',
  })
})

test('a service that works without a need is ready, and reports it as degraded', () => {
  const own = { ok: true, degraded: ['log-full'] }
  const degraded = ['log-full', 'store-away']
  expect(readinessOf(own, ['store-away'], ['store'])).toEqual({ ok: true, degraded })
})

test("a service's own reason comes before that of its needs", () => {
  const own = { ok: false, reason: 'log-not-followed' }
  expect(readinessOf(own, ['store-away'], [])).toEqual(own)
})
