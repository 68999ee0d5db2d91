import { ClientError } from './error.ts'

/** The most pages of one list: a task has at most 10,000 events, and each page brings one. */
const PAGES_MAX = 10_000

/** Where a page begins: after the event with this number, or at this cursor. */
type Place = string | number | undefined

/** Reads a list to its end; the first page may begin at no place. */
export async function allPages<Item, At extends Place>(
  first: At | undefined,
  read: (at: At | undefined) => Promise<{ items: readonly Item[]; next: At | undefined }>,
): Promise<Item[]> {
  const all: Item[] = []
  const requireProgress = createProgress(first)
  for (let at = first; ;) {
    const { items, next } = await read(at)
    for (const item of items) all.push(item)
    if (next === undefined) return all
    requireProgress(next)
    at = next
  }
}

/**
 * Creates a check of the places of the pages of one list. It throws a ClientError if a place comes again, leads back,
 * or comes after PAGES_MAX others: a server that ends no list would otherwise fill the memory.
 */
export function createProgress(first?: Place): (next: Place) => void {
  const seen = new Set<Place>([first])
  let last = first
  return (next) => {
    // Events are numbered.
    const leadsBack = typeof next === 'number' && next <= Number(last ?? 0)
    if (leadsBack || seen.has(next) || seen.size >= PAGES_MAX) throw endless()
    seen.add(next)
    last = next
  }
}

function endless(): ClientError {
  return new ClientError({
    type: 'about:blank',
    title: 'The list does not end',
    status: 200,
    detail:
      'The server names a page that was read already, or too many pages. Check that the address is that of a gateway, and which proxy stands before it.',
    code: 'unknown',
  })
}
