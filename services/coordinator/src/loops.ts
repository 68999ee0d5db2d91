import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'

/** One thing that a part of the coordinator does again and again. */
export interface Loop {
  readonly name: string
  readonly everyMs: number
  readonly run: (signal: AbortSignal) => Promise<unknown>
  /** Longest time of one run, milliseconds; the default of `every` if not given. */
  readonly runDeadlineMs?: number
}

/** Runs the loops of one part. No loop does anything before `followed` is true. */
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

/** Several services as one: they start in order, drain at once and are ready when all are. */
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
