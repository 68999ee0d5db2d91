import type { Fate } from '@agentfleet/domain'
import { fateOf, fatesOf } from '../reports/inputs.ts'

/** How awaited tasks ended, kept while a task waits for them, so that a sweep reads nothing twice. */
interface KnownFates {
  /** Returns how these tasks ended; `absent`: what holds for a task that is not stored. */
  of(
    taskIds: readonly string[],
    isOpen: (taskId: string) => boolean,
    absent: Fate,
  ): Promise<ReadonlyMap<string, Fate>>
  /** Forgets all tasks but these. */
  keep(isWanted: (taskId: string) => boolean): void
}

/** Creates an empty collection. */
export function createKnownFates(sources: Parameters<typeof fateOf>[0]): KnownFates {
  const known = new Map<string, Fate>()
  const reading = new Map<string, Promise<Fate | undefined>>()

  /** Reads once how a task ended, however many tasks wait for it. */
  const read = (id: string): Promise<Fate | undefined> => {
    const fate = known.get(id)
    if (fate !== undefined) return Promise.resolve(fate)
    const started =
      reading.get(id) ??
      fateOf(sources, id)
        .then((found) => {
          if (found !== undefined && found !== 'open') known.set(id, found)
          return found
        })
        .finally(() => reading.delete(id))
    reading.set(id, started)
    return started
  }

  return {
    async of(taskIds, isOpen, absent) {
      const asked = taskIds.filter((id) => !known.has(id))
      const fates = await fatesOf(read, asked, isOpen, absent)
      for (const id of taskIds) fates.set(id, known.get(id) ?? fates.get(id) ?? absent)
      return fates
    },
    keep(isWanted) {
      for (const id of known.keys()) if (!isWanted(id)) known.delete(id)
    },
  }
}
