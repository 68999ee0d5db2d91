/** The log has no room while clients submit: they get a clear refusal, no accepted task is lost, and the room returns. */
import { ClientError } from '@agentfleet/client'
import { eventually, startTestFleet, type TestFleet } from '@agentfleet/testkit'
import type { Accepted, Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAllEnded, judge, WITHIN_MS } from './support.ts'

/** Some seventy tasks of this size fill the log, bytes. */
const LOG_MAX_BYTES = 16 * 1024 * 1024
const CONTEXT_CHARS = 200_000
/** Ended tasks leave the log after this: long enough to see it full, milliseconds. */
const RETENTION_MS = 8_000
let fleet: TestFleet
let audit: Audit

beforeAll(async () => {
  const coordinator = { LOG_MAX_BYTES: String(LOG_MAX_BYTES), RETENTION_MS: String(RETENTION_MS) }
  fleet = await startTestFleet({ workers: 2, timeScale: 0.1, env: { coordinator } })
  audit = await judge(fleet)
}, WITHIN_MS)
afterAll(async () => {
  await audit.close()
  await fleet[Symbol.asyncDispose]()
})

const pids = (): (number | undefined)[] => fleet.fleet.members().map(({ pid }) => pid())

test(
  'a full log refuses new tasks with an error that says what to do, every accepted task completes, and the fleet takes tasks again without a restart',
  async () => {
    const before = pids()
    const accepted: Accepted[] = []
    const submit = async (): Promise<ClientError | undefined> => {
      const context = { text: 'x'.repeat(CONTEXT_CHARS) }
      try {
        const { id } = await fleet.client.submit({ task: 'fill', context, model: 'echo?ms=500' })
        accepted.push({ taskId: id })
        return undefined
      } catch (error) {
        if (error instanceof ClientError) return error
        throw error
      }
    }
    const refused = await eventually(async () => {
      const errors = await Promise.all(Array.from({ length: 8 }, submit))
      return errors.find((error) => error !== undefined) ?? Promise.reject(new Error('accepted'))
    }, 60_000)
    expect(refused).toMatchObject({ status: 503, problem: { code: 'log-full' } })
    expect(refused.problem.detail).toMatch(/Retry-After/)
    expect(refused.retryAfterS).toBeGreaterThan(0)
    expect(accepted.length).toBeGreaterThan(50)

    // The ends of accepted tasks find room in the full log.
    await expectAllEnded(audit, accepted)
    const full = accepted.length
    await eventually(async () => expect(await submit()).toBeUndefined(), 60_000)
    await expectAllEnded(audit, accepted)
    expect(accepted.length).toBeGreaterThan(full)
    expect(pids()).toEqual(before)
  },
  WITHIN_MS,
)
