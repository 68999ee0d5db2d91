import { Refusal } from './problems.ts'

/** Where a page of a listing ended. */
export interface ListPosition {
  /** What the listing was filtered by; empty for all. */
  readonly state: string
  /** Where the store goes on. */
  readonly after: string
}

/** The position as text that clients pass back untouched. */
export function encodeCursor({ state, after }: ListPosition): string {
  return Buffer.from(`${state}\n${after}`).toString('base64url')
}

/** Where the listing goes on; throws a Refusal when the cursor is not one of this listing. */
export function decodeCursor(cursor: string, state: string, form = /^[ -~]+$/): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const at = text.indexOf('\n')
  // Re-encoding tells a cursor of ours from anything else that happens to decode.
  const intact = at >= 0 && Buffer.from(text).toString('base64url') === cursor
  if (!intact || text.slice(0, at) !== state || !form.test(text.slice(at + 1))) {
    throw new Refusal(
      'invalid-cursor',
      'Send nextCursor of the previous page with the same filters, or start without a cursor.',
    )
  }
  return text.slice(at + 1)
}
