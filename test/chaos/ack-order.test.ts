import { drawPorts } from '@agentfleet/local'
import {
  eventually,
  startBusTap,
  startTestFleet,
  FIXED_NODES,
  type BusTap,
  type TestFleet,
} from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TIME_SCALE, WITHIN_MS } from './support.ts'

/** A worker acks a pointer only after the log holds the ending (L4). */
let test: TestFleet
let tap: BusTap
beforeAll(async () => {
  const [natsPort = 0] = await drawPorts(1, true)
  tap = await startBusTap()
  tap.target(natsPort)
  test = await startTestFleet({
    natsPort,
    workers: 1,
    replicas: FIXED_NODES,
    timeScale: TIME_SCALE,
    env: { worker: { NATS_URL: tap.url } },
  })
}, WITHIN_MS)
afterAll(async () => {
  await test[Symbol.asyncDispose]()
  await tap[Symbol.asyncDispose]()
})

describe('while no coordinator answers', { timeout: WITHIN_MS }, () => {
  it('a worker repeats its report of the end of a task and does not acknowledge the pointer of the task (L4)', async () => {
    let reports = 0
    let acks = 0
    tap.onPublish(({ subject, text }) => {
      if (subject.startsWith('coordinator.report.') && text.includes('"op":"complete"'))
        reports += 1
      if (/^node\.[^.]+\.acks$/.test(subject) && text.includes('"say":"done"')) acks += 1
      return 'forward'
    })
    const [coordinator] = test.fleet.members('coordinator')
    coordinator!.kill('SIGSTOP')
    const { id } = await test.client.submit({ task: 'wait', model: 'echo?ms=5000' })
    // A run without a pointer has nothing to ack: it gets a pointer and an in-flight note a moment later.
    await eventually(async () => expect((await test.client.get(id)).node).toBeDefined())
    expect(reports).toBe(0)
    await eventually(() => expect(reports).toBeGreaterThanOrEqual(2), 30_000)
    expect(acks).toBe(0)
    expect((await test.log.last(id))?.event.type).toBe('submitted')
    coordinator!.kill('SIGCONT')
    await eventually(() => expect(acks).toBe(1), 30_000)
    expect((await test.log.history(id)).map(({ event }) => event.type)).toEqual([
      'submitted',
      'completed',
    ])
  })
})
