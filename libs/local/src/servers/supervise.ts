import { setTimeout as delay } from 'node:timers/promises'
import { restartPauseMs } from '../restart-pause.ts'
import { endOf } from '../start/start-watch.ts'
import type { RunningServer } from './server.ts'

/**
 * Starts a server again, on its ports and with its data, whenever it ends without being asked.
 *
 * Invariants: SUP-1 an end that the owner asked for (`stop`, `restart`) is left alone; SUP-2 a server that does not
 * start is started again, with growing pauses, until `close`; SUP-3 after `close` nothing is started.
 */
export interface Supervision {
  close(): void
}

/** Hears of an end, or of a start that failed, and how long the next start waits. */
export type OnEnd = (name: string, reason: string, pauseMs: number) => void

/** Supervises a server until it is closed. */
export function supervise(server: RunningServer, onEnd: OnEnd): Supervision {
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
        why = `it does not start: ${error instanceof Error ? error.message : String(error)}`
      }
    }
  }
  server.onCrash((exit) => void startAgain(endOf(exit)))
  return { close: () => closing.abort() }
}

/** Supervises these servers; `onExit` hears of each end as of that of any process that is followed by another. */
export function superviseAll(
  servers: readonly RunningServer[],
  onExit?: (name: string, reason: string, followed: boolean, pauseMs?: number) => void,
): Supervision {
  const all = servers.map((server) =>
    supervise(server, (name, reason, pauseMs) => onExit?.(name, reason, true, pauseMs)),
  )
  return {
    close() {
      for (const supervision of all) supervision.close()
    },
  }
}
