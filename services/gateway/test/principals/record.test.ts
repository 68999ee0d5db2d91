import type { Principal } from '@agentfleet/domain'
import type { AuditEvent } from '@agentfleet/protocol'
import { createLogger, manualClock } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { createRecorder } from '../../src/principals/record.ts'

/** A recorder, and the lines that it has logged. */
function createBench() {
  const lines: { tenant?: string; skipped?: number; code?: string; address?: string }[] = []
  const log = createLogger({ service: 'gateway', id: 't', level: 'silent' })
  log.info = (line: object) => void lines.push(line)
  const clock = manualClock()
  const recorder = createRecorder({
    audit: { append: () => Promise.resolve() },
    clock,
    log,
    metrics: { audited: { inc: () => undefined } },
  })
  return { lines, clock, recorder }
}

test('the log gets a sample of a flood of refusals with the number of skipped lines, and still gets lines of answers', () => {
  const { lines, clock, recorder } = createBench()
  const request = { ip: '10.0.0.1' } as FastifyRequest
  const refuse = () => recorder.answered(request, 'getMe', 401, 1, 'unauthorized')
  for (let sent = 0; sent < 10_000; sent += 1) refuse()
  expect(lines).toHaveLength(100)
  expect(lines[0]).toMatchObject({ code: 'unauthorized', address: '10.0.0.1' })
  recorder.answered(request, 'getMe', 200, 1)
  expect(lines).toHaveLength(101)
  clock.advance(1_000)
  refuse()
  expect(lines.at(-1)).toMatchObject({ skipped: 9_900 })
})

test('the log gets every line of a quiet tenant, however many requests another tenant sends (L7)', () => {
  const { lines, clock, recorder } = createBench()
  const send = (tenant: string, code?: string) =>
    recorder.answered(
      { ip: '10.0.0.1', principal: { tenant, keyId: tenant } } as FastifyRequest,
      'getTask',
      code === undefined ? 200 : 429,
      1,
      code,
    )
  for (let second = 0; second < 60; second += 1) {
    for (let sent = 0; sent < 1_000; sent += 1) send('crowd')
    for (let sent = 0; sent < 1_000; sent += 1) send('crowd', 'rate-limited')
    send('quiet')
    send('quiet', 'rate-limited')
    clock.advance(1_000)
  }
  const ofQuiet = lines.filter(({ tenant }) => tenant === 'quiet')
  expect(ofQuiet).toHaveLength(120)
  // Only the lines of the same tenant count as left out.
  expect(ofQuiet.every(({ skipped }) => skipped === undefined)).toBe(true)
  expect(lines.length).toBeLessThan(2 * (60 * 20 + 200))
  const crowd = lines.filter(({ tenant }) => tenant === 'crowd')
  const skipped = crowd.reduce((sum, line) => sum + (line.skipped ?? 0), 0)
  expect(crowd.length + skipped).toBeGreaterThan(118_000)
})

/** A recorder, and the events that it has stored. */
function recording() {
  const stored: AuditEvent[] = []
  const recorder = createRecorder({
    audit: { append: async (event) => void stored.push(event) },
    clock: manualClock(),
    log: createLogger({ service: 'gateway', id: 't', level: 'silent' }),
    metrics: { audited: { inc: () => undefined } },
  })
  return { recorder, stored }
}

test('the refusals of a tenant from thousands of addresses leave room for the refusal of another tenant with its caller (L7)', async () => {
  const { recorder, stored } = recording()
  const refuse = (tenant: string, ip: string) =>
    recorder.refused(
      { ip, principal: { tenant, keyId: tenant } as Principal },
      'getMe',
      403,
      'scope-missing',
    )
  for (let at = 0; at < 2_000; at += 1) refuse('crowd', `10.0.${at >> 8}.${at & 255}`)
  refuse('quiet', '10.1.0.1')
  await recorder.flush()
  expect(stored).toContainEqual(expect.objectContaining({ tenant: 'quiet', count: 1 }))
  const others = stored.find(({ operation }) => operation === 'others')
  expect(others?.count).toBe(1_750)
  refuse('crowd', '10.0.0.1')
  await recorder.flush()
  expect(stored.at(-1)).toMatchObject({ tenant: 'crowd', count: 1 })
})

test('only a change that happened is recorded as a change: after a failure that leaves the outcome unknown the kind is unknown', async () => {
  const { recorder, stored } = recording()
  const request = { ip: '10.0.0.1' } as FastifyRequest
  await recorder.changed(request, 'rotateKey', 200, 'k1')
  await recorder.mayHaveChanged(request, 'rotateKey', 'outcome-unknown', 'k1')
  expect(stored.map(({ kind, status, code }) => [kind, status, code])).toEqual([
    ['change', 200, undefined],
    ['unknown', 503, 'outcome-unknown'],
  ])
})
