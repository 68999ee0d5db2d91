import type { DeltaFrame, TaskText } from '@agentfleet/protocol'

/** The text that the running attempt has written so far. It is a hint: parts may be missing. */
export interface LiveText {
  readonly attempt: number
  /** The fencing token of the run that writes. */
  readonly run: number
  readonly node: string
  readonly text: string
  /** Characters that the run has written, shown or not. */
  readonly end: number
  /** Whether a part of the text did not arrive or was dropped from the front. */
  readonly incomplete: boolean
}

/** Characters that are kept; older characters are dropped from the front. */
const KEPT_CHARS = 50_000

/** Adds a part. A newer run replaces the text of the one before; a part that arrives twice changes nothing. */
export function withDelta(before: LiveText | undefined, delta: DeltaFrame): LiveText | undefined {
  const { attempt, node, seq: run, offset, kind } = delta
  if (before !== undefined && (attempt < before.attempt || run < before.run)) return before
  const same = before !== undefined && before.attempt === attempt && before.run === run
  const base = same ? before : { attempt, run, node, text: '', end: 0, incomplete: false }
  if (kind !== 'text') {
    return kind === 'tool' ? { ...base, text: `${base.text}\n[${delta.text}]\n` } : base
  }
  const end = offset + delta.text.length
  if (end <= base.end) return base
  const text = base.text + delta.text.slice(Math.max(0, base.end - offset))
  const incomplete = base.incomplete || offset > base.end || text.length > KEPT_CHARS
  return { ...base, text: text.slice(-KEPT_CHARS), end, incomplete }
}

/** Puts the text that the run had written before the page followed the run in front of the parts that came since. */
export function withWritten(before: LiveText | undefined, written: TaskText): LiveText | undefined {
  const { attempt, node, seq: run, offset, text } = written
  if (attempt === undefined || node === undefined || run === undefined) return before
  const end = offset + text.length
  const same = before !== undefined && before.attempt === attempt && before.run === run
  if (before !== undefined && !same) {
    if (before.attempt > attempt || before.run > run) return before
  }
  // The parts that the run wrote after its answer stay behind the answer.
  const since = same ? before.text.slice(before.text.length - Math.max(0, before.end - end)) : ''
  const whole = text + since
  return {
    attempt,
    run,
    node,
    text: whole.slice(-KEPT_CHARS),
    end: Math.max(end, same ? before.end : 0),
    incomplete: offset > 0 || whole.length > KEPT_CHARS,
  }
}
