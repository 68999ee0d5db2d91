import { hash } from 'node:crypto'
import type { FoundTask, SearchQuery, Store } from '@agentfleet/adapters'
import { Refusal } from '../http/problems.ts'

/** Enough to detect any accident, and short. */
const SUM_CHARS = 8

/** Returns the field that leads to the next page, if there is one. */
export function nextOf(listing: string, after: string | undefined): { nextCursor?: string } {
  return after === undefined ? {} : { nextCursor: encodeCursor(listing, after) }
}

/**
 * Returns the field with the position of a cursor, if the client sent one; throws a Refusal if the cursor belongs to
 * another list.
 */
export function positionOf(
  cursor: string | undefined,
  listing: string,
  form = /^[ -~]+$/,
): { after?: string } {
  if (cursor === undefined) return {}
  const text = Buffer.from(cursor, 'base64url')
    .toString('utf8')
    .slice(0, -SUM_CHARS - 1)
  const after = text.slice(listing.length + 1)
  if (encodeCursor(listing, after) !== cursor || !form.test(after)) {
    throw new Refusal(
      'invalid-cursor',
      'Send nextCursor of the previous page with the same filters, or start without a cursor.',
    )
  }
  return { after }
}

/** Searches one page of tasks, behind the page to which the cursor belongs. */
export async function searchPage(
  store: Pick<Store, 'search'>,
  listing: string,
  query: Omit<SearchQuery, 'cursor'>,
  cursor: string | undefined,
): Promise<{ found: readonly FoundTask[]; scanned: number; nextCursor?: string }> {
  const { after } = positionOf(cursor, listing)
  const page = await store.search(after === undefined ? query : { ...query, cursor: after })
  return { found: page.found, scanned: page.scanned, ...nextOf(listing, page.cursor) }
}

/** Encodes the position at which a page of this list ended as text that clients send back unchanged. */
function encodeCursor(listing: string, after: string): string {
  const text = `${listing}\n${after}`
  return Buffer.from(`${text}\n${sumOf(text)}`).toString('base64url')
}

/** Shows that a cursor was cut off or changed: its position would continue somewhere else without a word. */
function sumOf(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, SUM_CHARS)
}
