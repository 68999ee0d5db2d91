import { setTimeout as delay } from 'node:timers/promises'
import { ClientError } from '@agentfleet/client'
import { flag, type Context, type Option } from './command.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { mayPass, restNote } from './patience.ts'
import { fitted } from './render/screen.ts'
import { jsonLine } from './render/text.ts'

/** The view is read again this often, milliseconds. */
const EVERY_MS = 2_000
/** While a person drags the edge of a terminal, its size changes many times, milliseconds. */
const RESIZE_MS = 100
/** Empties the screen; the lines that have scrolled away stay. */
const CLEAR = '\u001b[2J'
const HOME = '\u001b[H'
const CLEAR_RIGHT = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
/** A line that is too long ends at the edge of the screen, so that each line takes one row. */
const NO_WRAP = '\u001b[?7l'
const WRAP = '\u001b[?7h'

/** The option of commands that can show their view again and again. */
export const WATCH_OPTION: Option = flag(
  `print the view again every ${EVERY_MS / 1_000} s until Ctrl-C`,
  { short: 'w' },
)

/** A view that was read once: its JSON objects and its text. */
export interface Shown {
  readonly objects: readonly unknown[]
  readonly text: string
  /** Whether the last lines are the newest, so that a screen too small for all shows these. */
  readonly newestLast?: boolean
}

/**
 * Prints a view once, or again and again until the user stops it. A watched view that was shown once survives
 * a gateway that restarts.
 */
export async function showView(
  context: Context,
  read: () => Promise<Shown>,
  everyMs = EVERY_MS,
): Promise<ExitCode> {
  let shown = false
  let drawn = false
  let away = false
  for (;;) {
    const view = await read().catch((error: unknown) => {
      if (!shown || context.signal.aborted || !mayPass(error)) throw error
      return error
    })
    if (view instanceof ClientError) {
      if (!away) context.note(restNote(view))
    } else {
      if (!context.json && context.watch && context.columns !== undefined) {
        context.write(`${drawn ? '' : CLEAR}${screenOf(view, context.rows)}`)
        drawn = true
      } else printAll(context, view.objects, () => view.text)
      if (!context.watch) return EXIT.done
      shown = true
    }
    away = view instanceof ClientError
    const askedMs = view instanceof ClientError ? (view.retryAfterS ?? 0) * 1_000 : 0
    // The terminal has moved the old lines.
    if (await isResized(context, Math.max(everyMs, askedMs))) drawn = false
  }
}

type TextOf<T> = (read: T, context: Context, nowMs: number) => string

/** Shows a list: its objects one by one, or one text. */
export function showList<T>(
  context: Context,
  read: () => Promise<readonly T[]>,
  text: TextOf<readonly T[]>,
): Promise<ExitCode> {
  return showView(context, async () => {
    const objects = await read()
    return { objects, text: text(objects, context, context.nowMs()) }
  })
}

/** Shows one object. */
export function showOne<T>(
  context: Context,
  read: () => Promise<T>,
  text: TextOf<T>,
): Promise<ExitCode> {
  return showView(context, async () => {
    const object = await read()
    return { objects: [object], text: text(object, context, context.nowMs()) }
  })
}

/** Waits until the next read is due: also when the terminal has another size. */
async function isResized({ signal, onResize }: Context, everyMs: number): Promise<boolean> {
  const resized = new AbortController()
  const forget = onResize(() => resized.abort())
  try {
    await delay(everyMs, undefined, { signal: AbortSignal.any([signal, resized.signal]) })
    return false
  } catch (error) {
    if (signal.aborted) throw error
    await delay(RESIZE_MS, undefined, { signal })
    return true
  } finally {
    forget()
  }
}

/** A text over the old one, without flicker: as many of its lines as the screen has. */
function screenOf({ text, newestLast }: Shown, rows: number | undefined): string {
  // The cursor needs the last row.
  const lines = fitted(text, Math.max(1, (rows ?? Infinity) - 1), newestLast)
  // Cleared before it is written: behind a line as wide as the screen the cursor is on its last character.
  const drawn = lines.map((line) => `${CLEAR_RIGHT}${line}\n`).join('')
  return `${HOME}${NO_WRAP}${drawn}${CLEAR_BELOW}${WRAP}`
}

/** Prints objects: each as JSON if the user asked for it, otherwise all as this text. */
export function printAll(
  context: Pick<Context, 'json' | 'print'>,
  objects: readonly unknown[],
  text: () => string,
): void {
  if (context.json) for (const object of objects) context.print(jsonLine(object))
  else context.print(text())
}

/** Prints one object: as JSON if the user asked for it, otherwise as this text. */
export function printOne(context: Context, object: unknown, text: () => string): ExitCode {
  printAll(context, [object], text)
  return EXIT.done
}
