import { LOST_ATTEMPTS_MAX } from '@agentfleet/domain'
import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectAllEnded, judge } from './support.ts'

/** Planned ends of nodes are not losses: a long task survives any number of them. */
let test: TestFleet
let audit: Audit
const SOON_MS = 30_000
/** One more than the losses that a task may have. */
const DRAINS = LOST_ATTEMPTS_MAX + 2

beforeAll(async () => {
  const worker = { DRAIN_DEADLINE_MS: '2000' }
  test = await startTestFleet({ workers: 2, timeScale: 0.1, env: { worker } })
  audit = await judge(test)
}, 120_000)
afterAll(async () => {
  await audit?.close()
  await test?.[Symbol.asyncDispose]()
})

it('a long task completes even if more of its nodes are drained than a task may lose', async () => {
  // Each attempt has more left to do than a drain waits for; finished steps are not repeated.
  const { id } = await test.client.submit({ task: 'long', model: 'sim-steps?n=9&ms=3000' })
  for (let drain = 0; drain < DRAINS; drain += 1) {
    const node = await eventually(async () => {
      const { nodes } = await test.client.fleet()
      const busy = nodes.find(({ active, draining }) => active > 0 && !draining)
      expect(busy).toBeDefined()
      return busy!.id
    }, SOON_MS)
    const member = test.fleet.members('worker').find((one) => one.id === node)!
    member.kill('SIGTERM')
    await member.exited()
  }
  await eventually(
    async () => expect(await test.client.get(id)).toMatchObject({ state: 'completed' }),
    120_000,
  )
  const events = audit.histories.get(id)!.map(({ type }) => type)
  expect(events.filter((type) => type === 'paused').length).toBeGreaterThanOrEqual(DRAINS)
  await expectAllEnded(audit, [{ taskId: id }])
}, 240_000)
