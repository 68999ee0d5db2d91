import { expect, test } from 'vitest'
import { awayOf, readinessOf } from '../src/readiness.ts'

const need = (connected: boolean) => ({ connected: () => connected })

test('a need that is not connected counts as unavailable, and a need that never has a connection counts as available', () => {
  expect(awayOf({ bus: need(true), store: need(false), adviser: {} })).toEqual(['store-away'])
})

test('a service is not ready and says why while a need is unavailable that it cannot work without', () => {
  const away = ['store-away', 'discovery-away']
  expect(readinessOf({ ok: true }, away, ['store'])).toEqual({
    ok: false,
    reason: 'discovery-away',
  })
})

test('a service is ready and reports itself as degraded while a need is unavailable that it can work without', () => {
  const own = { ok: true, degraded: ['log-full'] }
  const degraded = ['log-full', 'store-away']
  expect(readinessOf(own, ['store-away'], ['store'])).toEqual({ ok: true, degraded })
})

test('the reason that a service gives itself comes before the reasons of its needs', () => {
  const own = { ok: false, reason: 'log-not-followed' }
  expect(readinessOf(own, ['store-away'], [])).toEqual(own)
})
