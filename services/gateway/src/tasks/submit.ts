import { setImmediate as nextTurn } from 'node:timers/promises'
import { createTaskSubmitter, type Bus, type TaskLog } from '@agentfleet/adapters'
import {
  submittedSpec,
  type JournaledCall,
  type TaskRecord,
  type TaskSpec,
} from '@agentfleet/domain'
import { hashLargeSpec, hashSpec, keyedTaskId, newTaskId } from '@agentfleet/protocol'
import { createSlices, type Clock } from '@agentfleet/runtime'
import { LOG_FULL, type Admission } from './admission.ts'
import { neededFrom } from './dependencies.ts'
import type { Handover } from './handover.ts'
import type { GatewayMetrics } from '../metrics.ts'
import { Refusal } from '../http/problems.ts'
import { unapprovable } from '../principals/submitter.ts'
import { LARGE_BYTES, roughBytes } from '../tenants/size.ts'
import type { Reader } from './reads.ts'

/**
 * Turns a valid submission into an answer: it adds the fingerprint of the body, the limits of this
 * gateway and the lookup of an existing task to the shared submission path (`createTaskSubmitter`).
 */
export type Submitter = ReturnType<typeof createSubmitter>

/** One submission. */
export type Submission = SubmissionParts &
  (
    | { readonly spec: TaskSpec; readonly refusal?: undefined }
    /** Why it is refused, unless a task with its key exists. */
    | { readonly spec?: undefined; readonly refusal: Refusal; readonly asked: object }
  )

interface SubmissionParts {
  readonly taskId: string
  readonly tenant: string
  readonly keyed: boolean
  /** The key that submits; undefined: the API is open. */
  readonly by?: string | undefined
  /** The request before the definition was added, because a definition may change between two submissions. */
  readonly asked?: object
  /** Dependencies of the batch that were found before, each with its sequence; the submission adds its own. */
  readonly needed?: Map<string, number>
  /** Bytes of the text from which it was just read and checked; 0: it was small. */
  readonly textBytes?: number
  /** Finished calls of an ended task, after which this task continues. */
  readonly journal?: readonly JournaledCall[]
}

/** The outcome of a submission. */
export type SubmitOutcome =
  | { readonly kind: 'accepted'; readonly record: TaskRecord }
  /** The same body was submitted before with the same key. */
  | { readonly kind: 'existing'; readonly record: TaskRecord }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

const BUS_AWAY = new Refusal(
  'bus-unavailable',
  'Nothing was stored. Send the request again after Retry-After seconds.',
)

/** The task of a submission; throws the Refusal of one that was refused. */
export function recordOf(outcome: SubmitOutcome): TaskRecord {
  if (outcome.kind === 'refused') throw outcome.refusal
  return outcome.record
}

/** Creates a submitter. */
export function createSubmitter(deps: {
  bus: Pick<Bus, 'connected'>
  taskLog: Pick<TaskLog, 'append'>
  handover: Pick<Handover, 'pass'>
  reader: Reader
  admission: Admission
  clock: Clock
  metrics: GatewayMetrics
  appendDeadlineMs: number
}) {
  const { bus, taskLog, handover, reader, admission, clock, metrics, appendDeadlineMs } = deps
  const submitter = createTaskSubmitter({
    taskLog,
    logFill: admission.logFill,
    pass: handover.pass,
  })

  async function submit(submission: Submission): Promise<SubmitOutcome> {
    const { tenant, spec, journal, textBytes = 0 } = submission
    if (textBytes > LARGE_BYTES) await nextTurn()
    const bytes = roughBytes(spec) + (journal === undefined ? 0 : roughBytes(journal))
    const refusal = admission.enter(tenant, bytes)
    if (refusal !== undefined) return { kind: 'refused', refusal }
    let seq: number | undefined
    try {
      const large = bytes > LARGE_BYTES
      if (large) await nextTurn()
      const outcome = await append(submission, large)
      if (outcome.kind === 'accepted') seq = outcome.record.seq
      return outcome
    } finally {
      admission.leave(tenant, bytes, seq)
    }
  }

  async function append(submission: Submission, large: boolean): Promise<SubmitOutcome> {
    const { taskId, tenant, keyed, by } = submission
    if (!bus.connected()) return { kind: 'refused', refusal: BUS_AWAY }
    const atMs = clock.nowMs()
    // Only a key can lead two submissions to the same id, so only they need a fingerprint.
    const asked = submission.asked ?? submission.spec
    let specHash = ''
    if (keyed) specHash = large ? await hashLargeSpec(asked, createSlices()) : hashSpec(asked)
    if (large && keyed) await nextTurn()
    /** An earlier request with the same key may have stored the task. */
    const refused = async (refusal: Refusal): Promise<SubmitOutcome> => {
      const known = (await reader.load(taskId, tenant)) !== undefined
      return known ? existing(taskId, tenant, specHash) : { kind: 'refused', refusal }
    }
    if (submission.refusal !== undefined) return refused(submission.refusal)
    const { spec } = submission
    const refusal = unapprovable(spec, by)
    if (refusal !== undefined) return refused(refusal)
    const oldest = await neededFrom(reader, submission)
    const outcome = await submitter.submit({
      taskId,
      tenant,
      // Not part of the fingerprint, since another key may repeat a submission.
      spec: by === undefined ? spec : submittedSpec(spec, by),
      atMs,
      keyed,
      specHash,
      deadlineMs: appendDeadlineMs,
      ...(oldest === undefined ? {} : { neededFrom: oldest }),
      ...(submission.journal === undefined ? {} : { journal: submission.journal }),
    })
    switch (outcome.kind) {
      case 'accepted':
        return outcome
      case 'existing':
        return existing(taskId, tenant, specHash)
      case 'full':
        return { kind: 'refused', refusal: LOG_FULL }
      case 'unknown':
        return { kind: 'refused', refusal: outcomeUnknown(taskId, keyed) }
    }
  }

  async function existing(
    taskId: string,
    tenant: string,
    specHash: string,
  ): Promise<SubmitOutcome> {
    const record = await reader.load(taskId, tenant)
    // The task existed a moment ago. It was trimmed since, or the log does not answer.
    if (record === undefined) return { kind: 'refused', refusal: outcomeUnknown(taskId, true) }
    if (record.tenant !== tenant || record.specHash !== specHash) {
      return { kind: 'refused', refusal: keyReused(taskId) }
    }
    return { kind: 'existing', record }
  }

  return {
    /** Returns the id of the submission: derived from its key, otherwise new. */
    idFor: (tenant: string, key: string | undefined) =>
      key === undefined ? newTaskId(clock.nowMs()) : keyedTaskId(tenant, key),
    async submit(submission: Submission): Promise<SubmitOutcome> {
      const outcome = await submit(submission)
      const label = outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
      metrics.submissions.inc({ outcome: label })
      return outcome
    },
  }
}

function outcomeUnknown(taskId: string, keyed: boolean): Refusal {
  const safe = keyed
    ? 'The task may be stored. Send the request again with the same key: the gateway stores the task only once.'
    : `The task may be stored. Read /v1/tasks/${taskId} before you send the request again. With an Idempotency-Key you can repeat a request safely.`
  return new Refusal('outcome-unknown', safe)
}

function keyReused(taskId: string): Refusal {
  return new Refusal(
    'idempotency-key-reused',
    `This key belongs to task ${taskId}, which has another body; use a new key.`,
  )
}
