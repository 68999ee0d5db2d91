import type { Channel } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'

/** Counts the messages of each channel. */
export type Tally = ReturnType<typeof createTally>

type Named = Pick<Channel, 'name'>

/** Message counts of one channel since the start. */
export interface ChannelFigures {
  readonly channel: string
  readonly outcome: Outcome
  readonly count: number
}

const OUTCOMES = ['sent', 'received', 'refused', 'item-refused', 'failed', 'too-large'] as const
type Outcome = (typeof OUTCOMES)[number]

/** Many bad messages must not become as many log lines, milliseconds. */
const LOG_EVERY_MS = 10_000

interface Entry {
  readonly counts: Record<Outcome, number>
  readonly logged: Map<Outcome, { atMs: number; count: number }>
}

/**
 * Counts the messages of each channel and logs refused ones: at most one line in LOG_EVERY_MS for each
 * channel and kind of fault, with the number since the previous line.
 */
export function createTally(log: Logger) {
  // The declared channels bound the size.
  const entries = new Map<string, Entry>()
  const entryOf = ({ name }: Named): Entry => {
    const known = entries.get(name)
    if (known !== undefined) return known
    const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]))
    const made: Entry = { counts: counts as Record<Outcome, number>, logged: new Map() }
    entries.set(name, made)
    return made
  }
  const count = (channel: Named, outcome: Outcome): void => {
    entryOf(channel).counts[outcome] += 1
  }
  const fault = (channel: Named, outcome: Outcome, figures: object, text: string): void => {
    const { counts, logged } = entryOf(channel)
    counts[outcome] += 1
    const last = logged.get(outcome)
    const now = performance.now()
    if (last !== undefined && now - last.atMs < LOG_EVERY_MS) return
    const since = counts[outcome] - (last?.count ?? 0)
    logged.set(outcome, { atMs: now, count: counts[outcome] })
    log.warn({ channel: channel.name, count: since, ...figures }, text)
  }
  return {
    sent: (channel: Named) => count(channel, 'sent'),
    received: (channel: Named) => count(channel, 'received'),
    /** A message was unreadable. */
    refused: (channel: Named, subject: string, reason: string) =>
      fault(
        channel,
        'refused',
        { subject, reason },
        'The process refused a message that it cannot read',
      ),
    /** An item of a message was unreadable; its neighbours were readable. */
    item: (channel: Named, subject: string, at: number, reason: string) =>
      fault(
        channel,
        'item-refused',
        { subject, at, reason },
        'The process refused an item of a message because it cannot read the item',
      ),
    failed: (channel: Named, subject: string, error: unknown) =>
      fault(
        channel,
        'failed',
        { subject, err: error },
        'The handler of a message failed; the process dropped the message',
      ),
    tooLarge: (channel: Named, length: number) =>
      fault(
        channel,
        'too-large',
        { length },
        'The process did not send a message because it is too large',
      ),
    figures: (): readonly ChannelFigures[] =>
      [...entries].flatMap(([channel, { counts }]) =>
        OUTCOMES.filter((outcome) => counts[outcome] > 0).map((outcome) => {
          return { channel, outcome, count: counts[outcome] }
        }),
      ),
  }
}
