import { Refusal } from '../http/problems.ts'

/** The position at which a page of a list ended. */
interface ListPosition {
  /** The filters of the list; empty without filters. */
  readonly state: string
  /** The position from which the store continues. */
  readonly after: string
}

/** Encodes the position as text that clients send back unchanged. */
export function encodeCursor({ state, after }: ListPosition): string {
  return Buffer.from(`${state}\n${after}`).toString('base64url')
}

/** Returns the position to continue from; throws a Refusal if the cursor belongs to another list. */
export function decodeCursor(cursor: string, state: string, form = /^[ -~]+$/): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const at = text.indexOf('\n')
  // Encoding again detects text that decodes by accident but was not made by this gateway.
  const intact = at >= 0 && Buffer.from(text).toString('base64url') === cursor
  if (!intact || text.slice(0, at) !== state || !form.test(text.slice(at + 1))) {
    throw new Refusal(
      'invalid-cursor',
      'Send nextCursor of the previous page with the same filters, or start without a cursor.',
    )
  }
  return text.slice(at + 1)
}
