import { setTimeout as delay } from 'node:timers/promises'
import type { Context, Option } from './command.ts'
import { EXIT, type ExitCode } from './exit.ts'

/** The view is read again this often, milliseconds. */
const EVERY_MS = 2_000
/** Moves the cursor to the first line and removes the text below it. */
const CLEAR = '\u001b[H\u001b[2J\u001b[3J'

/** The option of commands that can show their view again and again. */
export const WATCH_OPTION: Option = {
  type: 'boolean',
  short: 'w',
  help: `print it again every ${EVERY_MS / 1_000} s until Ctrl-C`,
}

/** A view that was read once: its JSON objects and its text. */
export interface Shown {
  readonly objects: readonly unknown[]
  readonly text: string
}

/** Prints a view once, or again and again until the user stops it. */
export async function showView(
  context: Context,
  watch: boolean,
  read: () => Promise<Shown>,
): Promise<ExitCode> {
  for (;;) {
    const { objects, text } = await read()
    if (context.json) for (const object of objects) context.print(JSON.stringify(object))
    else if (watch && context.columns !== undefined) context.write(`${CLEAR}${text}\n`)
    else context.print(text)
    if (!watch) return EXIT.done
    await delay(EVERY_MS, undefined, { signal: context.signal })
  }
}

/** Prints one object: as JSON if the user asked for it, otherwise as this text. */
export function printOne(context: Context, object: unknown, text: () => string): void {
  context.print(context.json ? JSON.stringify(object) : text())
}
