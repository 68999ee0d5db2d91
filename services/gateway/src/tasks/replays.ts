import type { TaskLog } from '@agentfleet/adapters'
import { isTerminal, NO_USAGE, type JournaledCall, type TaskRecord } from '@agentfleet/domain'
import { PAYLOAD_MAX_BYTES } from '@agentfleet/protocol'
import { Refusal } from '../http/problems.ts'
import type { Submission, SubmitOutcome, Submitter } from './submit.ts'

/** Where a replay begins. */
export type ReplayFrom = 'start' | 'journal'

/** Makes new tasks of ended ones. */
export interface Replays {
  /** Submits the ended task again; under the same key once. Throws a Refusal. */
  replay(record: TaskRecord, from: ReplayFrom, key: string | undefined): Promise<SubmitOutcome>
}

/** Half of what the bus takes in one message: the spec and what surrounds it need room too. */
const JOURNAL_BYTES_MAX = PAYLOAD_MAX_BYTES / 2

/** Replays through this submitter, with journals from this log. */
export function createReplays(deps: {
  submitter: Submitter
  taskLog: Pick<TaskLog, 'record'>
}): Replays {
  const { submitter, taskLog } = deps
  return {
    async replay(record, from, key) {
      const { taskId, tenant, state } = record
      if (!isTerminal(state)) {
        throw new Refusal(
          'not-finished',
          `The task is ${state}. Wait for its end or cancel it, then replay it.`,
        )
      }
      const journal = from === 'journal' ? await journalOf(taskLog, record) : []
      // A delay or an instant to wait for is over; dependencies have ended and are looked up again.
      const { delayMs: _delay, notBeforeMs: _instant, ...again } = record.spec
      const spec = { ...again, replayOf: taskId }
      const submission: Submission = {
        taskId: submitter.idFor(tenant, key),
        tenant,
        spec,
        keyed: key !== undefined,
        asked: { replayOf: taskId, from },
        ...(journal.length === 0 ? {} : { journal }),
      }
      return submitter.submit(submission)
    },
  }
}

/** The calls of an ended task for another one, which has not paid for them. */
async function journalOf(
  taskLog: Pick<TaskLog, 'record'>,
  { taskId }: TaskRecord,
): Promise<JournaledCall[]> {
  // Records of the store have no journals.
  const record = await taskLog.record(taskId)
  if (record === undefined) {
    throw new Refusal(
      'journal-gone',
      'The log no longer keeps the calls of this task. Replay it with from: start.',
    )
  }
  const journal = record.calls.map((call) => ({ ...call, usage: NO_USAGE }))
  if (Buffer.byteLength(JSON.stringify(journal)) > JOURNAL_BYTES_MAX) {
    throw new Refusal(
      'journal-too-large',
      `The finished calls of this task exceed ${JOURNAL_BYTES_MAX / 1024 ** 2} MiB. Replay it with from: start.`,
    )
  }
  return journal
}
