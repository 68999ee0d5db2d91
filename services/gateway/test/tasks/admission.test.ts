import { createLogger, createRegistry, systemClock } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createAdmission } from '../../src/tasks/admission.ts'
import { createMetrics } from '../../src/metrics.ts'

function admissionOf(submissionsMax: number, fill: () => number) {
  return createAdmission({
    taskLog: {
      fill: () =>
        Promise.resolve({
          bytes: fill(),
          maxBytes: 100,
          messages: 1,
          firstSeq: 1,
          lastSeq: 1,
          atMs: 1,
        }),
    },
    room: { enter: () => undefined, leave: () => undefined },
    submissionsMax,
    clock: systemClock,
    log: createLogger({ service: 'gateway', id: 'test', level: 'silent' }),
    metrics: createMetrics(createRegistry('gateway')),
  })
}

test('L7: a submission beyond the limit is refused, and a new submission is admitted after the log has answered an earlier one', () => {
  const admission = admissionOf(2, () => 0)
  expect([admission.enter('t', 1), admission.enter('t', 1)]).toEqual([undefined, undefined])
  expect(admission.enter('t', 1)).toMatchObject({ code: 'overloaded' })
  admission.leave('t', 1, undefined)
  expect(admission.enter('t', 1)).toBeUndefined()
})

test('L7: submissions that wait for the answer of the log take at most 64 MiB, and an answered submission makes room for the next', () => {
  const admission = admissionOf(20_000, () => 0)
  const mib = 1024 * 1024
  for (let at = 0; at < 64; at += 1) expect(admission.enter('t', mib)).toBeUndefined()
  expect(admission.enter('t', mib)).toMatchObject({ code: 'overloaded' })
  admission.leave('t', mib, 1)
  expect(admission.enter('t', mib)).toBeUndefined()
})

test('L7: a log that is nine tenths full takes no new tasks until it has room again', async () => {
  let bytes = 89
  const looks = { count: 0 }
  const admission = admissionOf(1_000, () => {
    looks.count += 1
    return bytes
  })
  await admission.watch.start()
  await eventually(() => expect(looks.count).toBeGreaterThan(0))
  expect(admission.enter('t', 1)).toBeUndefined()
  bytes = 90
  await eventually(() => expect(admission.enter('t', 1)).toMatchObject({ code: 'log-full' }))
  bytes = 89
  await eventually(() => expect(admission.enter('t', 1)).toBeUndefined())
  await admission.watch.drain(1_000)
})
