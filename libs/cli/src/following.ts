import type { FollowFrame } from '@agentfleet/client'
import type { Context } from './command.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { patiently, restNote } from './patience.ts'
import { printAll, printOne } from './watching.ts'

/** Rows above a new row that decide how wide its columns are. */
const ROWS_ABOVE = 20
/** A list has at most so many rows; a record that is older than all of them is not printed again. */
const KNOWN_MAX = 1_000

/** A list of records that grows while a person looks at it. */
export interface Growing<T extends { readonly id: string }> {
  readonly topic: 'decisions' | 'incidents'
  /** The list as the API has it now, newest first. */
  read(): Promise<readonly T[]>
  /** The records that a frame of the stream brings. */
  recordsIn(frame: FollowFrame): readonly T[]
  /** Whether a record belongs into the list. */
  matches(record: T): boolean
  /** Changes as soon as the row of the record has to be printed again. */
  version(record: T): string
  table(records: readonly T[]): string
}

/** Prints a list once; with `--watch` also each new or changed record, until the user stops the command. */
export async function showGrowing<T extends { readonly id: string }>(
  context: Context,
  list: Growing<T>,
): Promise<ExitCode> {
  const first = await list.read()
  printAll(context, first, () => list.table(first))
  if (!context.watch) return EXIT.done
  const printed = new Map(first.map((record) => [record.id, list.version(record)]))
  let above = first.slice(0, ROWS_ABOVE)
  const print = (record: T): void => {
    const version = list.version(record)
    if (!list.matches(record) || printed.get(record.id) === version) return
    printed.set(record.id, version)
    for (const id of [...printed.keys()].slice(0, -KNOWN_MAX)) printed.delete(id)
    printOne(context, record, () => newestRow(list, above, record))
    above = [...above, record].slice(-ROWS_ABOVE)
  }
  const frames = context.client.follow([list.topic], {
    signal: context.signal,
    onAway: (error) => context.note(restNote(error)),
  })
  for await (const frame of frames) {
    // A new connection begins: the list has what was recorded while there was none.
    const records =
      frame.type === 'subscribed'
        ? (await patiently(context, () => list.read())).toReversed()
        : list.recordsIn(frame)
    for (const record of records) print(record)
  }
  return EXIT.done
}

/** The row of a record below these rows, or in a narrow terminal its fields; without a heading. */
function newestRow<T extends { readonly id: string }>(
  { table }: Growing<T>,
  above: readonly T[],
  record: T,
): string {
  const [head = '', ...rows] = table([...above, record]).split('\n')
  if (above.length === 0) return [head, ...rows].join('\n')
  const isTable = ![...above, record].some(({ id }) => head.includes(id))
  return isTable ? (rows.at(-1) ?? '') : `\n${table([record])}`
}
