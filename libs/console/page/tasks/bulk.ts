/** Requests that one action has under way at a time. */
const SIDE_BY_SIDE = 4

/** How an action on several tasks went so far. */
export interface Progress {
  readonly done: number
  readonly total: number
  /** The problems by their text, with the number of tasks that have them. */
  readonly problems: ReadonlyMap<string, number>
}

/** Acts on each id, a few at a time, and reports after each; a failure stops no other. */
export async function actOnEach(
  ids: readonly string[],
  act: (id: string) => Promise<unknown>,
  report: (progress: Progress) => void,
): Promise<Progress> {
  const problems = new Map<string, number>()
  const waiting = [...ids]
  let done = 0
  const progress = (): Progress => ({ done, total: ids.length, problems: new Map(problems) })
  const work = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await act(id)
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        problems.set(text, (problems.get(text) ?? 0) + 1)
      }
      done += 1
      report(progress())
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
  return progress()
}
