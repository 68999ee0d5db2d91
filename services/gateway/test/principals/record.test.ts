import { createLogger, manualClock } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { createRecorder } from '../../src/principals/record.ts'

test('the log gets a sample of a flood of refusals with the number of skipped lines, and still gets lines of answers', () => {
  const lines: { skipped?: number; code?: string; address?: string }[] = []
  const log = createLogger({ service: 'gateway', id: 't', level: 'silent' })
  log.info = (line: object) => void lines.push(line)
  const clock = manualClock()
  const recorder = createRecorder({
    audit: { append: () => Promise.resolve() },
    clock,
    log,
    metrics: { audited: { inc: () => undefined } },
  })
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
