import { createOwnedCache, type Fate } from '@agentfleet/domain'
import { fateOf, fatesOf } from '../reports/inputs.ts'

/** About 300 bytes each: 15 MB. */
export const KNOWN_MAX = 50_000

/**
 * How awaited tasks ended, so that a sweep reads nothing twice. Invariant (L7): at most KNOWN_MAX are kept; if there are
 * more, the tenant that holds most loses the fate that it has not used for longest, and it is read again.
 */
export function createKnownFates(sources: Parameters<typeof fateOf>[0]) {
  const known = createOwnedCache<Fate>({ entriesMax: KNOWN_MAX, sizeMax: KNOWN_MAX })
  const reading = new Map<string, Promise<Fate | undefined>>()

  /** Reads once how a task ended, however many tasks wait for it. */
  const read = (tenant: string, id: string): Promise<Fate | undefined> => {
    const fate = known.get(tenant, id)
    if (fate !== undefined) return Promise.resolve(fate)
    const started =
      reading.get(id) ??
      fateOf(sources, id)
        .then((found) => {
          if (found !== undefined && found !== 'open') known.set(tenant, id, found, 1)
          return found
        })
        .finally(() => reading.delete(id))
    reading.set(id, started)
    return started
  }

  return {
    /** Returns how these tasks of a tenant ended; `absent`: what holds for a task that is not stored. */
    async of(
      tenant: string,
      taskIds: readonly string[],
      isOpen: (taskId: string) => boolean,
      absent: Fate,
    ): Promise<ReadonlyMap<string, Fate>> {
      const fates = new Map<string, Fate>()
      const asked: string[] = []
      for (const id of taskIds) {
        const fate = known.get(tenant, id)
        if (fate === undefined) asked.push(id)
        else fates.set(id, fate)
      }
      const found = await fatesOf((id) => read(tenant, id), asked, isOpen, absent)
      for (const [id, fate] of found) fates.set(id, fate)
      return fates
    },
    /** Returns the number of the kept fates. */
    size: known.count,
  }
}
