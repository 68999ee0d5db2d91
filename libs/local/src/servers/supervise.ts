import { setTimeout as delay } from 'node:timers/promises'
import { restartPauseMs } from '../restart-pause.ts'
import { endOf } from '../start/start-watch.ts'
import type { RunningServer } from './server.ts'

/**
 * Starts a server again, on its ports and with its data, whenever it ends without being asked, and ends a server
 * that hangs.
 *
 * Invariants: SUP-1 an end that the owner asked for (`stop`, `restart`) is left alone; SUP-2 a server that does not
 * start is started again, with growing pauses, until `close`; SUP-3 after `close` nothing is started; SUP-4 a
 * server that has not answered for `hungAfterMs`, looked at several times, is killed and started again.
 */
export interface Supervision {
  close(): void
}

/** Hears of an end, or of a start that failed, and how long the next start waits. */
type OnEnd = (name: string, reason: string, pauseMs: number) => void

/** A server answers within milliseconds; a disk that hangs for seconds must not end it, milliseconds. */
const HUNG_AFTER_MS = 20_000
/** Looks within that time: while this process itself stood still, it missed none. */
const LOOKS = 4

/** Supervises a server until it is closed. */
export function supervise(server: RunningServer, onEnd: OnEnd, hungAfterMs?: number): Supervision {
  const closing = new AbortController()
  const { signal } = closing
  let startedAtMs = performance.now()
  let pauseMs = 0

  const startAgain = async (reason: string): Promise<void> => {
    for (let why = reason; !signal.aborted;) {
      pauseMs = restartPauseMs(performance.now() - startedAtMs, pauseMs)
      onEnd(server.name, why, pauseMs)
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) return
      startedAtMs = performance.now()
      try {
        await server.restart()
        return
      } catch (error) {
        why = `the process does not start: ${error instanceof Error ? error.message : String(error)}`
      }
    }
  }
  let hung: string | undefined
  server.onCrash((exit) => {
    const reason = hung ?? endOf(exit)
    hung = undefined
    void startAgain(reason)
  })
  const watching = watchAnswers(server, hungAfterMs, (afterMs) => {
    hung = hungReason(afterMs)
    server.kill('SIGKILL')
  })
  return {
    close() {
      watching.close()
      closing.abort()
    },
  }
}

/** Says why a process that hangs was killed. */
export function hungReason(afterMs: number): string {
  return `the process did not answer for ${Math.round(afterMs / 1_000)} s`
}

/**
 * Calls back when a run of the process has answered none of the looks within `hungAfterMs`, 20 s when not given.
 */
export function watchAnswers(
  server: Pick<RunningServer, 'pid' | 'answers'>,
  hungAfterMs: number | undefined,
  onHung: (afterMs: number) => void,
): Supervision {
  const afterMs = hungAfterMs ?? HUNG_AFTER_MS
  let unanswered = 0
  let lastPid = server.pid
  let looking = false
  const look = async (): Promise<void> => {
    looking = true
    const answered = await server.answers()
    looking = false
    unanswered = answered || server.pid !== lastPid ? 0 : unanswered + 1
    lastPid = server.pid
    if (unanswered < LOOKS) return
    unanswered = 0
    onHung(afterMs)
  }
  const timer = setInterval(() => {
    if (!looking) void look()
  }, afterMs / LOOKS)
  timer.unref()
  return { close: () => clearInterval(timer) }
}
