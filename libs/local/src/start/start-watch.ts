import type { Exit } from '../servers/child.ts'

/**
 * Ends a start that cannot succeed. A process that fails once may have started before its neighbours; one that
 * fails FAILURES_MAX times in a row, or once for its configuration, has its own reason, which its log names.
 */
export interface StartWatch {
  /** A process ended without being asked; `name` is the same for its successors. */
  ended(name: string, exit: Exit, log: string): void
  /** The user stops the start: `during` rejects at once, also while the processes still start. */
  stopBy(signal: AbortSignal | undefined): void
  /** Resolves as `start` does; rejects with a StartFailure as soon as a process has failed too often. */
  during<T>(start: Promise<T>): Promise<T>
}

/** A failed start whose message explains it completely. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
}

/** Ends in a row, without having been ready, that end the start. */
const FAILURES_MAX = 3
/** The exit code of a service with a wrong variable; the next one would end in the same way. */
const CONFIG_EXIT_CODE = 78
/** Lines of a log that are shown. */
const LINES_MAX = 8
const LINE_CHARS_MAX = 500
/** The levels of log lines that report a failure. */
const FAILURES: readonly unknown[] = ['warn', 'error', 'fatal']

/** Watches one start. */
export function createStartWatch(): StartWatch {
  const ends = new Map<string, number>()
  let fail: ((failure: unknown) => void) | undefined
  return {
    ended(name, exit, log) {
      const count = (ends.get(name) ?? 0) + 1
      ends.set(name, count)
      const wrong = exit.code === CONFIG_EXIT_CODE
      if (count < FAILURES_MAX && !wrong) return
      const said = lastWords(exit.logTail).map((line) => `  ${line}`)
      const lines = [
        wrong
          ? `${name} does not start: a setting is wrong. The last lines of its log:`
          : `${name} does not start: it ended ${count} times in a row (${endOf(exit)}). The last lines of its log:`,
        ...(said.length === 0 ? ['  (nothing)'] : said),
        `The whole log of the process is ${log}`,
        'Correct the reported error and start again.',
      ]
      fail?.(new StartFailure(lines.join('\n')))
    },
    stopBy(signal) {
      signal?.throwIfAborted()
      signal?.addEventListener('abort', () => fail?.(signal.reason), { once: true })
    },
    async during(start) {
      const failure = new Promise<never>((_, reject) => {
        fail = reject
      })
      try {
        return await Promise.race([start, failure])
      } finally {
        fail = undefined
        // The rest of an abandoned start fails too, and no caller waits for it any more.
        start.catch(() => undefined)
      }
    },
  }
}

/** How a process ended, in a few words. */
export function endOf({ code, signal }: Pick<Exit, 'code' | 'signal'>): string {
  return signal ?? `exit code ${String(code)}`
}

/** The last lines of a log that report a failure, in plain text; the very last lines if none does. */
export function lastWords(log: string): readonly string[] {
  const lines = log.split('\n').flatMap((line) => (line.trim() === '' ? [] : [readLine(line)]))
  const wrong = lines.filter(({ failed }) => failed)
  const chosen = wrong.length > 0 ? wrong : lines
  return chosen.slice(-LINES_MAX).map(({ text }) => text.slice(0, LINE_CHARS_MAX))
}

/** A line of pino as its message and the message of its error; any other line stays unchanged. */
function readLine(line: string): { readonly failed: boolean; readonly text: string } {
  if (!line.startsWith('{')) return { failed: true, text: line }
  try {
    const { level, msg, err } = JSON.parse(line) as {
      readonly level?: string
      readonly msg?: string
      readonly err?: { readonly message?: string }
    }
    const parts = [msg, err?.message].filter((part) => part !== undefined)
    return { failed: FAILURES.includes(level), text: parts.join(': ') || line }
  } catch {
    // The log was cut within this line.
    return { failed: false, text: line }
  }
}
