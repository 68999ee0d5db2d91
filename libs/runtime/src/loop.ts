/**
 * A service that repeats one action.
 *
 * States: idle → running → draining → idle; it may be started again after a drain. Invariants:
 * LOOP-1 runs never overlap: the next begins one interval after the begin of the last, or at its end if
 * later; LOOP-2 each run gets a signal that aborts at its deadline and at the end of a drain; LOOP-3 an
 * error ends a run, never the loop.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from './clock.ts'
import { settleWithin } from './deadline.ts'
import type { Logger } from './logger.ts'
import type { Service } from './service.ts'

/** The least time a run gets by default: a slow answer of a busy store is not yet an error. */
const RUN_DEADLINE_MIN_MS = 10_000

/** Time of an aborted run to clean up before the drain continues without it. */
const ABORT_GRACE_MS = 1_000

/** The parts of a loop, without its interval. */
export interface LoopOptions {
  clock: Clock
  log: Logger
  name: string
  /** The time of one run; by default 10 s, or the interval if it is longer. */
  runDeadlineMs?: number
}

const IGNORED = 'One round of a loop ignored its abort signal; the process no longer waits for it'

interface Life {
  /** Ends the wait between two runs. */
  readonly stop: AbortController
  /** Aborts the run in flight. */
  readonly abort: AbortController
  finished: Promise<void>
}

/** A service that runs at once when started, then at the interval, until it is drained. */
export function every(
  intervalMs: number,
  options: LoopOptions,
  run: (signal: AbortSignal) => Promise<void>,
): Service {
  const { clock, log, name } = options
  const runDeadlineMs = options.runDeadlineMs ?? Math.max(RUN_DEADLINE_MIN_MS, intervalMs)
  const failures = failureLog(log, name)
  let life: Life | undefined
  let runBeganMs: number | undefined

  async function runOnce(abort: AbortSignal) {
    // Not AbortSignal.any with the long-lived signal: Node 20 leaks memory there with every run.
    const current = new AbortController()
    const onAbort = () => current.abort(abort.reason)
    abort.addEventListener('abort', onAbort)
    const timer = setTimeout(() => {
      current.abort(new Error(`a run of the loop ${name} exceeds ${runDeadlineMs} ms`))
    }, runDeadlineMs)
    try {
      await run(current.signal)
      failures.succeeded()
    } catch (error) {
      if (!abort.aborted) failures.failed(error)
    } finally {
      clearTimeout(timer)
      abort.removeEventListener('abort', onAbort)
    }
  }

  async function live(
    previous: Promise<void> | undefined,
    { stop, abort }: Omit<Life, 'finished'>,
  ) {
    // A run that outlived its drain still counts: LOOP-1 holds across a restart.
    await previous
    while (!stop.signal.aborted) {
      const beganMs = (runBeganMs = clock.monotonicMs())
      await runOnce(abort.signal)
      runBeganMs = undefined
      const restMs = Math.max(0, beganMs + intervalMs - clock.monotonicMs())
      // It throws only if the loop is stopped.
      await pause(restMs, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }

  return {
    async start() {
      if (life && !life.stop.signal.aborted) return
      const controllers = { stop: new AbortController(), abort: new AbortController() }
      life = { ...controllers, finished: live(life?.finished, controllers) }
    },
    async drain(deadlineMs) {
      if (!life) return
      const { stop, abort, finished } = life
      stop.abort()
      if (await settleWithin(finished, deadlineMs)) return
      abort.abort(new Error(`the loop ${name} was drained`))
      const ended = await settleWithin(finished, ABORT_GRACE_MS)
      if (!ended) log.warn({ loop: name }, IGNORED)
    },
    ready() {
      const overdue =
        runBeganMs !== undefined && clock.monotonicMs() - runBeganMs > 2 * runDeadlineMs
      return overdue ? { ok: false, reason: `the loop ${name} is stuck` } : { ok: true }
    },
  }
}

/** Logs the first error of a streak and each that differs, then the recovery: not one line per run. */
function failureLog(log: Logger, name: string) {
  let streak = 0
  let lastMessage = ''
  return {
    failed(error: unknown) {
      const message = String(error)
      if (streak === 0 || message !== lastMessage) {
        log.error({ err: error, loop: name }, 'One round of a loop failed; the loop continues')
      }
      streak += 1
      lastMessage = message
    },
    succeeded() {
      if (streak > 0)
        log.info({ loop: name, failures: streak }, 'A loop works again after failed rounds')
      streak = 0
    },
  }
}
