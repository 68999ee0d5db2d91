import { ClientError } from '@agentfleet/client'
import { expect, test } from 'vitest'
import { isLost, mayPass, patiently } from '../src/patience.ts'

const problem = { type: 'about:blank', title: 'Away', status: 0, detail: 'x', code: 'unreachable' }
const away = new ClientError(problem)
const refused = new ClientError({ ...problem, status: 401, code: 'unauthorized' })

/** Repeats requests that end like this; each reading of the clock is a second later. */
async function repeat(ends: readonly (string | ClientError)[], awayMaxMs = 60_000) {
  const notes: string[] = []
  let nowMs = 0
  const left = [...ends]
  const request = async () => {
    const next = left.shift()
    if (typeof next !== 'string') throw next
    return next
  }
  const patient = {
    note: (line: string) => notes.push(line),
    nowMs: () => (nowMs += 1_000),
    signal: AbortSignal.timeout(10_000),
  }
  const options = { awayMaxMs, pauseMinMs: 0 }
  const end = await patiently(patient, request, options).catch((error: unknown) => error)
  return { notes, end, left: left.length }
}

test('a request that is safe to repeat succeeds after the gateway was away, and the user reads one note', async () => {
  expect(await repeat([away, new ClientError({ ...problem, status: 503 }), 'there'])).toEqual({
    notes: ['Away. Trying again for at most 1 m 00 s.'],
    end: 'there',
    left: 0,
  })
})

test('a request is not repeated after a refusal, or after the gateway was away for too long', async () => {
  expect(await repeat([refused, 'there'])).toMatchObject({ end: refused, left: 1 })
  const late = await repeat([away, away, away, away, 'there'], 2_000)
  expect(late.end).toBe(away)
  expect(late.left).toBeGreaterThan(0)
})

test('only a request that may have reached the gateway counts as lost', () => {
  const caused = (code: string) => {
    const cause = new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
    return new ClientError(problem, { cause })
  }
  expect(isLost(caused('ECONNRESET'))).toBe(true)
  expect(isLost(caused('ECONNREFUSED'))).toBe(false)
  expect(isLost(away)).toBe(false)
  expect(isLost(refused)).toBe(false)
  expect([429, 500, 503].every((status) => mayPass(new ClientError({ ...problem, status })))).toBe(
    true,
  )
})
