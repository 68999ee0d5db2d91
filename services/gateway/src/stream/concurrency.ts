/** Lets a limited number of calls run at once; the others wait in order of arrival. */
export interface Gate {
  run<T>(work: () => Promise<T>): Promise<T>
}

/** A gate; who may queue at it, and so how many, is bounded by its user. */
export function createGate(maxInFlight: number): Gate {
  const waiting: (() => void)[] = []
  let inFlight = 0
  return {
    async run(work) {
      if (inFlight >= maxInFlight) await new Promise<void>((resolve) => waiting.push(resolve))
      else inFlight += 1
      try {
        return await work()
      } finally {
        // The place is handed on, so that a newcomer cannot slip in between.
        const next = waiting.shift()
        if (next === undefined) inFlight -= 1
        else next()
      }
    },
  }
}
