import { previewOf, type TaskPreview, type TaskRecord } from '@agentfleet/domain'
import { parseStored, taskPreviewSchema, taskRecordSchema, toStored } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { BYTES_PER_CHAR_MAX } from '../bus/codec.ts'

/**
 * The text of a record in Redis: `<sequence> <state> i<record>`. The `i` says that the listings by agent and
 * error code have the task. In front of a large record its preview has its own line, so that a listing
 * reads the first bytes only.
 */

/** A listing reads this much of each task: a small record, or the preview in front of a large one, bytes. */
export const HEAD_BYTES = 8 * 1024
/** A record with more characters may not fit into the head together with its sequence and state. */
const LARGE_CHARACTERS = HEAD_BYTES / BYTES_PER_CHAR_MAX - 64
/** A code that can be a part of a key. */
const CODE_PATTERN = /^[\w.-]{1,64}$/

/** What the script that projects needs to know of a record, and the text to store. */
export function storedRecord(record: TaskRecord): [facts: string, text: string] {
  const { taskId, tenant, submittedAtMs, spec, error } = record
  const code = error !== undefined && CODE_PATTERN.test(error.code) ? error.code : '-'
  const member = indexMember(submittedAtMs, taskId)
  return [`${taskId} ${tenant} ${member} ${code} ${spec.agent}`, storedText(record)]
}

/** A member that sorts by time of submission, then by id. */
export function indexMember(submittedAtMs: number, taskId: string): string {
  return `${timeText(submittedAtMs)}:${taskId}`
}

/** A time as the beginning of a member. */
export function timeText(atMs: number): string {
  return String(Math.max(0, Math.floor(atMs))).padStart(14, '0')
}

/** The id in a member. */
export function idOf(member: string): string {
  return member.slice(member.indexOf(':') + 1)
}

/** Undefined for an unreadable record, such as that of a newer release: its task can be read from the log. */
export function readRecord(text: string, log: Logger): TaskRecord | undefined {
  // The record follows its preview, if it has one.
  const from = Math.max(text.indexOf('\n') + 1, text.indexOf('{'))
  const record = parseStored(text.slice(from), 'record', taskRecordSchema)
  if (record.kind === 'parsed') return record.value
  log.error({ err: record.problem }, 'The process skipped a record of Redis that it cannot read')
  return undefined
}

/** What a listing shows, from so many first bytes of a stored value; undefined when it is incomplete. */
export function previewIn(head: string, bytes: number, log: Logger): TaskPreview | undefined {
  const end = head.indexOf('\n')
  if (end !== -1) {
    // The previews of older releases hold less.
    const preview = parseStored(head.slice(head.indexOf('{'), end), 'record', taskPreviewSchema)
    return preview.kind === 'parsed' ? preview.value : undefined
  }
  if (head === '' || Buffer.byteLength(head) >= bytes) return undefined
  const record = readRecord(head, log)
  return record && previewOf(record)
}

function storedText(record: TaskRecord): string {
  const text = toStored(record, 'record')
  const preview = text.length < LARGE_CHARACTERS ? '' : `${toStored(previewOf(record), 'record')}\n`
  return `${record.seq} ${record.state} i${preview}${text}`
}
