import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'

/** A periodic job of a part of the coordinator. */
export interface Loop {
  readonly name: string
  readonly everyMs: number
  readonly run: (signal: AbortSignal) => Promise<unknown>
  /** Milliseconds that one run may take; default: that of `every`. */
  readonly runDeadlineMs?: number
}

/** Creates the loops of one part. No loop runs before `followed` is true. */
export function createLoops(
  deps: { readonly clock: Clock; readonly log: Logger; readonly followed: () => boolean },
  loops: readonly Loop[],
): Service {
  const { clock, log, followed } = deps
  return together(
    loops.map(({ name, everyMs, run, runDeadlineMs }) =>
      every(
        everyMs,
        { clock, log, name, ...(runDeadlineMs === undefined ? {} : { runDeadlineMs }) },
        async (signal) => {
          if (followed()) await run(signal)
        },
      ),
    ),
  )
}

/** Combines services: they start in order, drain together, and are ready when all are ready. */
function together(services: readonly Service[]): Service {
  return {
    async start() {
      for (const service of services) await service.start()
    },
    async drain(deadlineMs) {
      await Promise.all(services.map((service) => service.drain(deadlineMs)))
    },
    ready() {
      const answers = services.map((service) => service.ready?.() ?? { ok: true })
      return answers.find(({ ok }) => !ok) ?? { ok: true }
    },
  }
}
