import { ClientError, type Client } from '@agentfleet/client'
import type { TestFleet } from '@agentfleet/testkit'
import { describeFindings, openAudit, type Accepted, type Audit } from '@agentfleet/tools'
import { expect } from 'vitest'

/** The shared parts of chaos tests: load that continues through faults, and one check of the log. */

/**
 * `npm test` runs these files small and with a tenth of the production durations, `npm run test:full` at full
 * size and with the durations of production.
 */
export const FULL_SIZE = process.env['TEST_SIZE'] === 'full'
/** For the fleets of these files. */
export const TIME_SCALE = FULL_SIZE ? 1 : 0.1

/** Everything has to be over within this, milliseconds: leases of 30 s may have to run out twice. */
export const OVER_WITHIN_MS = 150_000

/** Opens the check of all events from now on. */
export async function judge(test: TestFleet): Promise<Audit> {
  const { nats, operator } = test.fleet
  const manager = await test.bus.nats.jetstreamManager()
  const { state } = await manager.streams.info('LOG')
  return openAudit({ natsUrl: nats.url, operator }, { afterSeq: state.last_seq, log: LOG })
}

const print = (object: object, message?: string): void => console.warn(message, object)
/** Shown with the output of a failing test. */
const LOG = { debug() {}, info() {}, warn: print, error: print }

/** All accepted tasks have exactly one ending and nothing in the log breaks an invariant. */
export async function expectAllEnded(
  audit: Audit,
  accepted: readonly Accepted[],
  deadlineMs = OVER_WITHIN_MS,
): Promise<void> {
  await audit.untilEnded(accepted.length, deadlineMs)
  const findings = await audit.check(accepted)
  expect(findings.violations, describeFindings(findings)).toEqual([])
  expect(findings.unfinished).toEqual([])
}

/** Submits `count` tasks in batches; every one has to be accepted. */
export async function submitAll(
  client: Client,
  count: number,
  spec: { readonly task: string; readonly model: string; readonly maxAttempts?: number },
): Promise<Accepted[]> {
  const accepted: Accepted[] = []
  while (accepted.length < count) {
    const size = Math.min(500, count - accepted.length)
    const results = await client.submitBatch(Array.from({ length: size }, () => spec))
    for (const result of results) {
      expect(result.status).toBe(202)
      accepted.push({ taskId: result.taskId! })
    }
  }
  return accepted
}

/** Load with a steady number of callers that continues until it is stopped. */
export interface Load {
  readonly accepted: readonly Accepted[]
  /** Submissions that were refused or got no answer; each was repeated under its key. */
  failures(): number
  stop(): Promise<void>
}

/**
 * Callers that submit one task after the other, each under a separate key, and repeat the same key until they
 * get an answer, as a careful client does.
 */
export function startLoad(
  client: Client,
  callers: number,
  spec: { readonly task: string; readonly model: string },
): Load {
  const accepted: Accepted[] = []
  let failures = 0
  let stopped = false
  let counter = 0
  const call = async (): Promise<void> => {
    while (!stopped) {
      const key = `load-${counter++}`
      for (let tries = 0; ; tries += 1) {
        try {
          const view = await client.submit(spec, { idempotencyKey: key })
          accepted.push({ taskId: view.id, key })
          break
        } catch (error) {
          if (!(error instanceof ClientError) || tries > 600) throw error
          failures += 1
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const running = Array.from({ length: callers }, call)
  return {
    accepted,
    failures: () => failures,
    async stop() {
      stopped = true
      await Promise.all(running)
    },
  }
}
