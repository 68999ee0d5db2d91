import { STREAMS, taskIdOf } from '@agentfleet/protocol'
import { inParallel, type Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'
import { tailStream } from './stream-tail.ts'

/** One stored event, as far as its text shows without parsing. */
interface ScannedEvent {
  readonly taskId: string
  readonly seq: number
  /** The tenant of a task that begins with this event. */
  readonly tenant: string | undefined
  /** Whether it ends its task. */
  readonly ends: boolean
}

/** An end event begins with its type. */
const ENDS = /^\{"type":"(completed|failed|cancelled)"/
/** A submission begins with these fields. */
const BEGINS = /^\{"type":"submitted","atMs":\d+,"tenant":"([^"\\]+)"/
const REMOVE_WITHIN_MS = 10_000
/** Removals under way: more do not make the server faster (20,000 a second with 64). */
const REMOVALS_AT_ONCE = 64

/**
 * Reads the stored events from one sequence to another in order, until `receive` returns false. Both
 * events may have been removed.
 */
export async function scanLog(
  bus: Bus,
  range: { readonly from: number; readonly to: number },
  receive: (event: ScannedEvent) => boolean,
  log: Logger,
): Promise<void> {
  let finish: () => void = () => undefined
  const over = new Promise<void>((resolve) => (finish = resolve))
  let done = false
  const tail = tailStream(bus, {
    stream: STREAMS.log,
    from: { afterSeq: range.from - 1 },
    receive({ subject, text, seq }) {
      if (done) return
      const tenant = BEGINS.exec(text)?.[1]
      const event = { taskId: taskIdOf(subject), seq, tenant, ends: ENDS.test(text) }
      done = seq > range.to || !receive(event)
      if (done) finish()
    },
    log,
  })
  try {
    await Promise.race([over, tail.caughtUp()])
  } finally {
    await tail.close()
  }
}

/** Removes single events; an event that another process has removed counts too. Returns how many answers came. */
export async function removeEvents(bus: Bus, seqs: readonly number[]): Promise<number> {
  const subject = `$JS.API.STREAM.MSG.DELETE.${STREAMS.log}`
  const answered = await inParallel(seqs, REMOVALS_AT_ONCE, async (seq) => {
    // The server marks the place as free; it need not overwrite it.
    const request = JSON.stringify({ seq, no_erase: true })
    return (await bus.request(subject, request, REMOVE_WITHIN_MS)).kind === 'reply'
  })
  return answered.filter(Boolean).length
}
