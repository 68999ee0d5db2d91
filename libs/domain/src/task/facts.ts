import { costOf } from '../placement/fair-share.ts'
import type { TaskRecord } from './task-record.ts'

/**
 * The facts of a task: what decisions about it need, without the texts that only a run needs. A coordinator
 * has many thousands of unfinished tasks in memory, so the texts of large ones stay in the log (L7).
 */

/** The event of a submission up to this size is kept whole; a pointer carries a spec of this size, bytes. */
export const SPEC_KEPT_MAX_BYTES = 8 * 1024
/** Characters of a task's text that are kept for listings. */
const PREVIEW_CHARS = 160
/** Few people answer more steps of one task; each answer may carry a note of some kilobytes. */
const APPROVALS_KEPT_MAX = 4

/** Leaves out the texts of the spec; the log still has them. */
export function factsOf(record: TaskRecord): TaskRecord {
  if (record.omitted !== undefined) return record
  const {
    systemPrompt: _prompt,
    context: _context,
    responseSchema: _schema,
    goal: _goal,
    metadata: _metadata,
    tools: _tools,
    ...spec
  } = record.spec
  const task = copyOf(spec.task.slice(0, PREVIEW_CHARS))
  return { ...record, spec: { ...spec, task }, omitted: { cost: costOf(record.spec) } }
}

/** Leaves out what a pause for an approval holds of the call, and all answers of a task with many. */
export function withoutLargeWaits(record: TaskRecord, eventBytes: number): TaskRecord {
  const { waitingFor, approvals } = record
  const large = waitingFor?.kind === 'approval' && eventBytes > SPEC_KEPT_MAX_BYTES
  const many = approvals.length > APPROVALS_KEPT_MAX
  if (!large && !many) return record
  return {
    ...factsOf(record),
    ...(large ? { waitingFor: { ...waitingFor, arguments: null } } : {}),
    ...(many ? { approvals: [] } : {}),
  }
}

/** A part of a text keeps the whole text in memory until it is copied. */
function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}
