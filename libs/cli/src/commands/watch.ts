import type { DeltaFrame, EventFrame } from '@agentfleet/protocol'
import { flag, type Command, type Context } from '../command.ts'
import { CommandError, EXIT, UsageError, type ExitCode } from '../exit.ts'
import { isSet } from '../parse/values.ts'
import { AWAY_MAX_MS, awayNote } from '../patience.ts'
import { toneOf } from '../render/paint.ts'
import { progressBar } from '../render/progress.ts'
import { eventText } from '../render/task-views.ts'
import { cut, jsonLine, oneLine, safe } from '../render/text.ts'

/** Of more tasks than this a person reads a bar, not lines. */
const LINES_TASKS_MAX = 20

/** `agentfleet watch`: tasks live, until all have ended. */
export const watch: Command = {
  name: 'watch',
  summary: 'follow tasks live until the tasks end',
  usages: ['watch [options] TASK_ID…'],
  options: { text: flag('print only the text that the agent writes') },
  notes: ['The command ends with exit code 6 if a task failed or was cancelled.'],
  async run(context, input): Promise<ExitCode> {
    const [first] = input.args
    if (first === undefined) throw new UsageError('The id of a task is missing.')
    // A stream that cannot connect is tried again: a wrong address or key shows here.
    await context.client.get(first)
    return followTasks(context, input.args, { textOnly: isSet(input, 'text') })
  },
}

/** Follows tasks to their ends; the exit code says whether all completed. */
export async function followTasks(
  context: Context,
  taskIds: readonly string[],
  { textOnly = false }: { readonly textOnly?: boolean },
): Promise<ExitCode> {
  const wanted = [...new Set(taskIds)]
  const ends = { completed: 0, other: 0 }
  const startMs = context.nowMs()
  const many = wanted.length > LINES_TASKS_MAX
  const writer = textWriter(context)
  const frames = context.client.watch(wanted, {
    deltas: textOnly || context.json,
    signal: context.signal,
    awayMaxMs: AWAY_MAX_MS,
    onAway: (error) => context.note(awayNote(error, AWAY_MAX_MS)),
  })
  for await (const frame of frames) {
    if (context.json) context.print(jsonLine(frame))
    if (frame.type === 'error') {
      throw new CommandError(
        `${safe(frame.detail)} (task ${frame.taskId ?? '?'}). "agentfleet ls" lists your tasks.`,
        frame.code.endsWith('not-found') ? EXIT.notFound : EXIT.failed,
      )
    }
    if (frame.type === 'delta') {
      if (!context.json) await writer.delta(frame)
      continue
    }
    if (frame.event.type === 'completed') ends.completed += 1
    else if (frame.event.type === 'failed' || frame.event.type === 'cancelled') ends.other += 1
    if (many) {
      const done = ends.completed + ends.other
      const elapsedMs = context.nowMs() - startMs
      context.progress(progressBar('ended', { done, total: wanted.length, elapsedMs }))
    } else if (!context.json) {
      if (textOnly) writer.event(frame)
      else context.print(eventLine(context, frame, wanted.length > 1))
    }
  }
  context.progress('')
  if (many) context.note(`${ends.completed} completed, ${ends.other} failed or cancelled`)
  return ends.other === 0 ? EXIT.done : EXIT.taskFailed
}

/** Prints the text of the newest attempt only: a new attempt begins on a line below. */
function textWriter({ client, write, note }: Context) {
  let attempt = 0
  /** The end of the printed text in the text of the attempt, in characters. */
  let end = 0
  const print = (offset: number, text: string): void => {
    write(safe(text.slice(Math.max(0, end - offset))))
    end = Math.max(end, offset + text.length)
  }
  /** Prints what the attempt wrote before the stream of this command began, or while it was broken. */
  const catchUp = async (taskId: string, offset: number): Promise<void> => {
    const written = await client.text(taskId).catch(() => undefined)
    if (written?.attempt === attempt && written.offset <= end) print(written.offset, written.text)
    if (offset > end) note('A part of the text is missing here.')
  }
  return {
    async delta({ taskId, kind, text, offset, ...frame }: DeltaFrame): Promise<void> {
      if (frame.attempt < attempt) return
      if (frame.attempt > attempt) {
        if (end > 0) write('\n')
        if (attempt > 0) note(`attempt ${frame.attempt} begins its text again`)
        attempt = frame.attempt
        end = 0
      }
      if (kind !== 'text') return
      if (offset > end) await catchUp(taskId, offset)
      print(offset, text)
    },
    event({ event }: EventFrame): void {
      if (event.type === 'completed') {
        // A short run may end before its first piece of text was sent.
        write(end > 0 ? '\n' : `${safe(textOfResult(event.result))}\n`)
      } else if (event.type === 'failed' || event.type === 'cancelled') {
        note(`The task is ${event.type}: ${oneLine(eventText(event))}`)
      }
    },
  }
}

function textOfResult(result: unknown): string {
  return typeof result === 'string' ? result : JSON.stringify(result ?? '')
}

/** One event in one line: time, task, what happened. */
export function eventLine(
  { paint, columns }: Pick<Context, 'paint' | 'columns'>,
  { taskId, event }: EventFrame,
  named: boolean,
): string {
  const at = new Date(event.atMs).toISOString().slice(11, 23)
  const which = named ? `${taskId}  ` : ''
  const name = event.type.padEnd('attempt-started'.length)
  const detail = oneLine(eventText(event))
  const room =
    columns === undefined ? undefined : columns - at.length - which.length - name.length - 4
  const shown = room === undefined ? detail : cut(detail, Math.max(1, room))
  return `${paint(at, 'dim')}  ${which}${paint(name, toneOf(event.type))}  ${shown}`.trimEnd()
}
