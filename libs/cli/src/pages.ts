import { createProgress } from '@agentfleet/client'
import type { Context } from './command.ts'
import { patiently } from './patience.ts'

/** The most that the gateway puts on one page. */
export const PAGE_MAX = 200

/** The next page begins here; without a cursor it is the first page. */
export interface From {
  readonly cursor?: string
}

/**
 * Reads a list page by page. After the first page the command waits for a gateway that is away. It ends with an error if
 * the pages do not get ahead.
 */
export async function* pagesOf<Page extends { readonly nextCursor?: string }>(
  context: Context,
  read: (from: From) => Promise<Page>,
): AsyncGenerator<Page, void, void> {
  const requireProgress = createProgress()
  let page = await read({})
  yield page
  while (page.nextCursor !== undefined) {
    const cursor = page.nextCursor
    requireProgress(cursor)
    page = await patiently(context, () => read({ cursor }))
    yield page
  }
}
