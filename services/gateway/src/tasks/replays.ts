import { isTerminal, NO_USAGE, type JournaledCall, type TaskRecord } from '@agentfleet/domain'
import { PAYLOAD_MAX_BYTES } from '@agentfleet/protocol'
import { Refusal } from '../http/problems.ts'
import type { Reader } from './reads.ts'
import type { Submission, SubmitOutcome, Submitter } from './submit.ts'

/** Where a replay starts. */
export type ReplayFrom = 'start' | 'journal'

/** Submits ended tasks again as new tasks. */
export type Replays = ReturnType<typeof createReplays>

/** Half of the largest bus message: the spec and its envelope need room too. */
const JOURNAL_BYTES_MAX = PAYLOAD_MAX_BYTES / 2
const TEXTS_GONE = 'The log no longer keeps the texts of this task. Submit the work as a new task.'
const CALLS_GONE =
  'The log no longer keeps the calls of this task. Replay the task with from: start.'

/** Creates replays that use this submitter and read journals from the log. */
export function createReplays(deps: { submitter: Submitter; reader: Pick<Reader, 'loadWhole'> }) {
  const { submitter, reader } = deps
  return {
    /** Submits the ended task again; repeating it with the same key has no effect. Throws a Refusal. */
    async replay(
      known: TaskRecord,
      from: ReplayFrom,
      key: string | undefined,
      by: string | undefined,
      /** Throws a Refusal if the caller may not submit this task; the record has all its texts. */
      check: (record: TaskRecord) => void,
    ): Promise<SubmitOutcome> {
      const record = known.omitted === undefined ? known : await wholeOf(reader, known, TEXTS_GONE)
      check(record)
      const { taskId, tenant, state } = record
      if (!isTerminal(state)) {
        throw new Refusal(
          'not-finished',
          `The task is ${state}. Replay the task after it has ended or after you have cancelled it.`,
        )
      }
      const journal = from === 'journal' ? await journalOf(reader, record) : []
      // The delay of the first task is over; its dependencies have ended and are looked up again.
      const { delayMs: _delay, notBeforeMs: _instant, ...again } = record.spec
      const spec = { ...again, replayOf: taskId }
      const submission: Submission = {
        taskId: submitter.idFor(tenant, key),
        tenant,
        spec,
        keyed: key !== undefined,
        by,
        asked: { replayOf: taskId, from },
        ...(journal.length === 0 ? {} : { journal }),
      }
      return submitter.submit(submission)
    },
  }
}

/** Returns the task with the calls and texts that Redis does not hold. */
async function wholeOf(
  reader: Pick<Reader, 'loadWhole'>,
  { taskId, tenant }: TaskRecord,
  gone: string,
): Promise<TaskRecord> {
  const record = await reader.loadWhole(taskId, tenant)
  if (record === undefined) throw new Refusal('journal-gone', gone)
  return record
}

/** Returns the calls of the ended task with zero usage, because the new task did not pay for them. */
async function journalOf(
  reader: Pick<Reader, 'loadWhole'>,
  record: TaskRecord,
): Promise<JournaledCall[]> {
  const { calls } = await wholeOf(reader, record, CALLS_GONE)
  const journal = calls.map((call) => ({ ...call, usage: NO_USAGE }))
  if (Buffer.byteLength(JSON.stringify(journal)) > JOURNAL_BYTES_MAX) {
    throw new Refusal(
      'journal-too-large',
      `The finished calls of this task exceed ${JOURNAL_BYTES_MAX / 1024 ** 2} MiB. Replay the task with from: start.`,
    )
  }
  return journal
}
