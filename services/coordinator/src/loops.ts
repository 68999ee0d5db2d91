import { given } from '@agentfleet/domain'
import { every, type Readiness, type Service } from '@agentfleet/runtime'
import type { PartDeps } from './deps.ts'

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
  deps: Pick<PartDeps, 'clock' | 'log' | 'followed'>,
  loops: readonly Loop[],
) {
  const { clock, log, followed } = deps
  return together(
    loops.map(({ name, everyMs, run, runDeadlineMs }) =>
      every(everyMs, { clock, log, name, ...given({ runDeadlineMs }) }, async (signal) => {
        if (followed()) await run(signal)
      }),
    ),
  )
}

/** Combines services: they start in order, drain together, and are ready when all are ready. */
export function together(services: readonly Service[]) {
  return {
    async start(): Promise<void> {
      for (const service of services) await service.start()
    },
    async drain(deadlineMs: number): Promise<void> {
      await Promise.all(services.map((service) => service.drain(deadlineMs)))
    },
    ready(): Readiness {
      const answers = services.map((service) => service.ready?.() ?? { ok: true })
      const degraded = answers.flatMap((answer) => answer.degraded ?? [])
      const all = degraded.length === 0 ? { ok: true } : { ok: true, degraded }
      return answers.find(({ ok }) => !ok) ?? all
    },
  }
}
