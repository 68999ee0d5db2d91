import { costOf, deadlineAtMs, type TaskRecord, type TaskSpec } from '@agentfleet/domain'
import type { Pointer } from './messages.ts'
import { POINTER_SPEC_MAX_BYTES } from './streams.ts'
import { isSmallJson } from './values/json-limits.ts'

/** Most bytes of UTF-8 and JSON escapes for one character. */
const BYTES_PER_CHAR_MAX = 6
/** Most bytes of a spec's fields without its texts. */
const SPEC_FRAME_BYTES = 1_024

/** The fresh pointer of a task that was just submitted. */
export function freshPointer(record: TaskRecord): Pointer {
  const { spec, seq } = record
  const pointer = pointerOf(record, seq, costOf(spec), false)
  if (fitsPointer(spec)) pointer.spec = spec
  return pointer
}

/**
 * Whether the spec fits into a pointer, without which no start is fast; most are so small that their size need not be
 * measured.
 */
export function fitsPointer(spec: TaskSpec): boolean {
  const chars = spec.task.length + (spec.systemPrompt?.length ?? 0)
  const large =
    spec.context ?? spec.metadata ?? spec.responseSchema ?? spec.tools ?? spec.fallbackModels
  if (large === undefined) {
    if (SPEC_FRAME_BYTES + chars * BYTES_PER_CHAR_MAX <= POINTER_SPEC_MAX_BYTES) return true
    if (chars > POINTER_SPEC_MAX_BYTES) return false
  }
  return isSmallJson(spec, POINTER_SPEC_MAX_BYTES)
}

/** A pointer for a fenced start; at the start the node reads the journal and the spec from the log. */
export function reissuedPointer(record: TaskRecord): Pointer {
  const { spec, submittedSeq, omitted } = record
  return pointerOf(record, submittedSeq, omitted?.cost ?? costOf(spec), true)
}

function pointerOf(record: TaskRecord, seq: number, cost: number, reissue: boolean): Pointer {
  const { taskId, tenant, spec } = record
  return {
    taskId,
    tenant,
    seq,
    cpu: spec.cpu,
    memory: spec.memory,
    cost,
    ...placementOf(spec),
    deadlineAtMs: deadlineAtMs(record),
    reissue,
  }
}

/** Tenant, priority and placement of a task, for a reader that has only the pointer. */
function placementOf({
  affinityKey,
  placement,
}: TaskSpec): Pick<Pointer, 'affinityKey' | 'placement'> {
  return {
    ...(affinityKey === undefined ? {} : { affinityKey }),
    ...(placement === undefined ? {} : { placement }),
  }
}
