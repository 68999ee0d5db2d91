import { createHash } from 'node:crypto'
import { Refusal } from '../http/problems.ts'

/** The position at which a page of a list ended. */
interface ListPosition {
  /** The filters of the list; empty without filters. */
  readonly state: string
  /** The position from which the store continues. */
  readonly after: string
}

/** Enough to detect any accident, and short. */
const SUM_CHARS = 8

/** Encodes the position as text that clients send back unchanged. */
export function encodeCursor({ state, after }: ListPosition): string {
  const text = `${state}\n${after}`
  return Buffer.from(`${text}\n${sumOf(text)}`).toString('base64url')
}

/** Shows that a cursor was cut off or changed: its position would continue somewhere else without a word. */
function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, SUM_CHARS)
}

/** Returns the position to continue from; throws a Refusal if the cursor belongs to another list. */
export function decodeCursor(cursor: string, state: string, form = /^[ -~]+$/): string {
  const text = Buffer.from(cursor, 'base64url')
    .toString('utf8')
    .slice(0, -SUM_CHARS - 1)
  const after = text.slice(state.length + 1)
  if (encodeCursor({ state, after }) !== cursor || !form.test(after)) {
    throw new Refusal(
      'invalid-cursor',
      'Send nextCursor of the previous page with the same filters, or start without a cursor.',
    )
  }
  return after
}
