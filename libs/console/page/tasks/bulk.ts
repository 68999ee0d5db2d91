/** The body of one request of a bulk action, without its cursor. */
export type BulkPart = Readonly<Record<string, unknown>>

/** What the gateway says about one page of a bulk action. */
export interface BulkPage {
  readonly matched: number
  readonly done: number
  readonly problems: readonly string[]
  readonly nextCursor?: string | undefined
}

/** The progress of a bulk action; it continues at `part` and `cursor`. */
export interface Progress {
  readonly matched: number
  readonly done: number
  /** The problems by their text, with the number of tasks that have them. */
  readonly problems: ReadonlyMap<string, number>
  readonly part: number
  readonly cursor?: string | undefined
  readonly finished: boolean
}

/** The start of a bulk action. */
export const NOTHING_DONE: Progress = {
  matched: 0,
  done: 0,
  problems: new Map(),
  part: 0,
  finished: false,
}

/**
 * Sends the requests of a bulk action, page by page, and reports after each page. It continues where `from` ends,
 * so an action that was interrupted is sent again without repeating its finished pages.
 */
export async function runPages(
  parts: readonly BulkPart[],
  from: Progress,
  send: (part: BulkPart, cursor: string | undefined) => Promise<BulkPage>,
  report: (progress: Progress) => void,
): Promise<Progress> {
  let progress = from
  while (progress.part < parts.length && !progress.finished) {
    progress = withPage(progress, await send(parts[progress.part]!, progress.cursor))
    report(progress)
  }
  progress = { ...progress, finished: true }
  report(progress)
  return progress
}

function withPage(before: Progress, page: BulkPage): Progress {
  const problems = new Map(before.problems)
  for (const text of page.problems) problems.set(text, (problems.get(text) ?? 0) + 1)
  return {
    ...before,
    matched: before.matched + page.matched,
    done: before.done + page.done,
    problems,
    part: page.nextCursor === undefined ? before.part + 1 : before.part,
    cursor: page.nextCursor,
  }
}

/** Tasks of one request: small enough that the progress moves, far below the limit of 1,000. */
const IDS_PER_REQUEST = 200

/** Returns the bodies that name these tasks. */
export function partsOfIds(ids: readonly string[]): readonly BulkPart[] {
  return Array.from({ length: Math.ceil(ids.length / IDS_PER_REQUEST) }, (_, index) => ({
    taskIds: ids.slice(index * IDS_PER_REQUEST, (index + 1) * IDS_PER_REQUEST),
  }))
}
