import type { Client } from '@agentfleet/client'
import type { TestFleet } from '@agentfleet/testkit'
import {
  describeFindings,
  openAudit,
  startCallers,
  type Accepted,
  type Audit,
  type Callers,
} from '@agentfleet/tools'
import { expect } from 'vitest'

/** The shared parts of chaos tests: load that continues through faults, and one check of the log. */

/** For the fleets of the files that `npm test` runs: a tenth of the production durations. */
export const TIME_SCALE = 0.1

/** Everything has to be over within this, milliseconds: leases of 30 s may have to run out twice. */
export const OVER_WITHIN_MS = 150_000

/** One test or hook of these files ends within this: leases end, and fleets start on a busy machine, milliseconds. */
export const WITHIN_MS = 180_000

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

/** Callers that submit the same task again and again until they are stopped. */
export function startLoad(
  client: Client,
  callers: number,
  spec: { readonly task: string; readonly model: string },
): Callers {
  return startCallers([client], `load-${crypto.randomUUID()}`, {
    callers,
    errand: () => async (caller) => void (await caller.submit(spec)),
  })
}
