import { transition, type Submitted, type TaskRecord, type TaskSpec } from '@agentfleet/domain'
import type { Bus, TaskLog } from '@agentfleet/adapters'
import {
  POINTER_SPEC_MAX_BYTES,
  hashSpec,
  keyedTaskId,
  newTaskId,
  type Pointer,
} from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import { logFull, type Admission } from './admission.ts'
import type { Handover } from './handover.ts'
import type { GatewayMetrics } from './metrics.ts'
import { Refusal } from './problems.ts'
import type { Reader } from './reads.ts'

/**
 * From a valid submission to `submitted` in the log.
 *
 * Invariants:
 * - L1: `accepted` only after the append was acknowledged; a key always leads to the same id, so a
 *   conflict is the existing task.
 * - It is passed on after the append, without waiting: if that is lost, the follower issues a pointer (L8).
 */
export interface Submitter {
  /** The id that this submission has, new or by its key. */
  idFor(tenant: string, key: string | undefined): string
  submit(submission: Submission): Promise<SubmitOutcome>
}

/** One submission. */
export interface Submission {
  readonly taskId: string
  readonly tenant: string
  readonly spec: TaskSpec
  readonly keyed: boolean
}

/** What became of a submission. */
export type SubmitOutcome =
  | { readonly kind: 'accepted'; readonly record: TaskRecord }
  /** The same was submitted before, under the same key. */
  | { readonly kind: 'existing'; readonly record: TaskRecord }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** Bytes of UTF-8 and JSON escapes that one character may take at most. */
const BYTES_PER_CHAR_MAX = 6
/** What the fields of a spec beside its texts take at most, bytes. */
const SPEC_FRAME_BYTES = 1_024

/** A submitter over these. */
export function createSubmitter(deps: {
  bus: Pick<Bus, 'connected'>
  taskLog: Pick<TaskLog, 'append'>
  handover: Pick<Handover, 'pass'>
  reader: Reader
  admission: Admission
  clock: Clock
  metrics: GatewayMetrics
  appendDeadlineMs: number
}): Submitter {
  const { bus, taskLog, handover, reader, admission, clock, metrics, appendDeadlineMs } = deps

  async function submit(submission: Submission): Promise<SubmitOutcome> {
    const refusal = admission.enter()
    if (refusal !== undefined) return { kind: 'refused', refusal }
    try {
      return await append(submission)
    } finally {
      admission.leave()
    }
  }

  async function append({ taskId, tenant, spec, keyed }: Submission): Promise<SubmitOutcome> {
    if (!bus.connected()) return { kind: 'refused', refusal: busAway() }
    const atMs = clock.nowMs()
    // Only a key can lead two submissions to one id; others need no fingerprint.
    const specHash = keyed ? hashSpec(spec) : ''
    const event: Submitted = { type: 'submitted', atMs, tenant, spec, specHash }
    // With the fingerprint in the message id, another body under the same key is never a duplicate.
    const messageId = `${taskId}.${specHash}`
    const outcome = await taskLog.append(taskId, event, {
      expectSeq: 0,
      messageId,
      deadlineMs: appendDeadlineMs,
    })
    if (outcome.kind === 'full') return { kind: 'refused', refusal: logFull() }
    if (outcome.kind === 'unknown') {
      return { kind: 'refused', refusal: outcomeUnknown(taskId, keyed) }
    }
    const ours = outcome.kind === 'stored' && !(keyed && outcome.duplicate)
    return ours ? accepted(taskId, event, outcome.seq) : existing(taskId, tenant, specHash)
  }

  function accepted(taskId: string, event: Submitted, seq: number): SubmitOutcome {
    const folded = transition(taskId, undefined, event, seq)
    if (folded.kind !== 'applied') throw new Error('a submission begins a history')
    const { record } = folded
    handover.pass(pointerOf(record), record.spec.priority)
    return { kind: 'accepted', record }
  }

  async function existing(
    taskId: string,
    tenant: string,
    specHash: string,
  ): Promise<SubmitOutcome> {
    const record = await reader.load(taskId)
    // It was there a moment ago: trimmed since, or the log is not reached. Nothing is known then.
    if (record === undefined) return { kind: 'refused', refusal: outcomeUnknown(taskId, true) }
    if (record.tenant !== tenant || record.specHash !== specHash) {
      return { kind: 'refused', refusal: keyReused(taskId) }
    }
    return { kind: 'existing', record }
  }

  return {
    idFor: (tenant, key) =>
      key === undefined ? newTaskId(clock.nowMs()) : keyedTaskId(tenant, key),
    async submit(submission) {
      const outcome = await submit(submission)
      const label = outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
      metrics.submissions.inc({ outcome: label })
      return outcome
    },
  }
}

/** The fresh pointer of a task that was just submitted. */
export function pointerOf({ taskId, tenant, spec, seq, submittedAtMs }: TaskRecord): Pointer {
  const pointer: Pointer = {
    taskId,
    tenant,
    seq,
    cpu: spec.cpu,
    memory: spec.memory,
    deadlineAtMs: submittedAtMs + spec.timeoutMs,
    reissue: false,
  }
  if (spec.affinityKey !== undefined) pointer.affinityKey = spec.affinityKey
  if (spec.placement !== undefined) pointer.placement = spec.placement
  if (isSmall(spec)) pointer.spec = spec
  return pointer
}

/** Whether the spec fits into a pointer; most are so small that nobody needs to measure. */
function isSmall(spec: TaskSpec): boolean {
  const chars = spec.task.length + (spec.systemPrompt?.length ?? 0)
  if (spec.context === undefined && spec.metadata === undefined) {
    if (SPEC_FRAME_BYTES + chars * BYTES_PER_CHAR_MAX <= POINTER_SPEC_MAX_BYTES) return true
    if (chars > POINTER_SPEC_MAX_BYTES) return false
  }
  return Buffer.byteLength(JSON.stringify(spec)) <= POINTER_SPEC_MAX_BYTES
}

function busAway(): Refusal {
  return new Refusal(
    'bus-unavailable',
    'Nothing was stored; send it again after Retry-After seconds.',
  )
}

function outcomeUnknown(taskId: string, keyed: boolean): Refusal {
  const safe = keyed
    ? 'Send it again with the same key: it cannot be stored twice.'
    : `It may be stored: GET /v1/tasks/${taskId} tells. With an Idempotency-Key it could just be sent again.`
  return new Refusal('outcome-unknown', safe)
}

function keyReused(taskId: string): Refusal {
  return new Refusal(
    'idempotency-key-reused',
    `Use a new key for a new body; this key belongs to the task ${taskId}.`,
  )
}
