import { setTimeout as delay } from 'node:timers/promises'
import { ClientError } from '@agentfleet/client'
import type { Context, Option } from './command.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { jsonLine } from './render/text.ts'

/** The view is read again this often, milliseconds. */
const EVERY_MS = 2_000
/** Moves the cursor to the first line and removes the text below it. */
const CLEAR = '\u001b[H\u001b[2J\u001b[3J'

/** The option of commands that can show their view again and again. */
export const WATCH_OPTION: Option = {
  type: 'boolean',
  short: 'w',
  help: `print the view again every ${EVERY_MS / 1_000} s until Ctrl-C`,
}

/** A view that was read once: its JSON objects and its text. */
export interface Shown {
  readonly objects: readonly unknown[]
  readonly text: string
}

/**
 * Prints a view once, or again and again until the user stops it. A watched view that was shown once survives
 * a gateway that restarts.
 */
export async function showView(
  context: Context,
  watch: boolean,
  read: () => Promise<Shown>,
  everyMs = EVERY_MS,
): Promise<ExitCode> {
  let shown = false
  let away = false
  for (;;) {
    const view = await read().catch((error: unknown) => {
      if (!shown || context.signal.aborted || !mayPass(error)) throw error
    })
    if (view === undefined) {
      if (!away)
        context.note(
          `The gateway does not answer. The command tries again every ${everyMs / 1_000} s.`,
        )
    } else {
      if (context.json) for (const object of view.objects) context.print(jsonLine(object))
      else if (watch && context.columns !== undefined) context.write(`${CLEAR}${view.text}\n`)
      else context.print(view.text)
      if (!watch) return EXIT.done
      shown = true
    }
    away = view === undefined
    await delay(everyMs, undefined, { signal: context.signal })
  }
}

/** Whether the same request may succeed later: no answer, too many requests, or a gateway that cannot answer now. */
function mayPass(error: unknown): boolean {
  return (
    error instanceof ClientError &&
    (error.status === 0 || error.status === 429 || error.status >= 500)
  )
}

/** Prints one object: as JSON if the user asked for it, otherwise as this text. */
export function printOne(context: Context, object: unknown, text: () => string): void {
  context.print(context.json ? jsonLine(object) : text())
}
