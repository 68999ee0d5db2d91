import { expect, test } from 'vitest'
import { awayOf, readinessOf } from '../src/readiness.ts'

const need = (connected: boolean) => ({ connected: () => connected })

test('a server whose connection is lost counts as unavailable, and a resource that never has a connection counts as available', () => {
  expect(awayOf({ bus: need(true), store: need(false), adviser: {} })).toEqual(['store'])
})

test('a service is not ready and says why while a server that it needs is unavailable', () => {
  const away = ['store', 'discovery']
  expect(readinessOf({ ok: true }, away, ['store'])).toEqual({
    ok: false,
    reason: 'discovery-away',
  })
})

test('a service is ready and reports itself as degraded while a server is unavailable that it does not strictly need', () => {
  const own = { ok: true, degraded: ['log-full'] }
  const degraded = ['log-full', 'store-away']
  expect(readinessOf(own, ['store'], ['store'])).toEqual({ ok: true, degraded })
})

test('if a service itself reports that it is not ready, its reason is returned instead of the names of unavailable servers', () => {
  const own = { ok: false, reason: 'log-not-followed' }
  expect(readinessOf(own, ['store'], [])).toEqual(own)
})
