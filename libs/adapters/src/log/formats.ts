import {
  formatProblem,
  FORMATS,
  parseItem,
  STREAM_KINDS,
  STREAMS,
  type StoredChannel,
  type StreamName,
} from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'
import { streamMetadata, type StoredMessage } from './stream-reads.ts'

const FORMAT_KEY = 'agentfleet-format'

/** The newest format that a stream may hold, as the stream's configuration notes it. */
export function formatMetadata(stream: StreamName): Record<string, string> {
  return { [FORMAT_KEY]: String(FORMATS[STREAM_KINDS[stream]]) }
}

/**
 * Throws `newer-format` when a stream may hold items that this release cannot read: a service that skipped
 * them would act on missing facts.
 */
export async function requireKnownFormats(bus: Bus): Promise<void> {
  for (const stream of Object.values(STREAMS)) {
    const format = Number((await streamMetadata(bus, stream))?.[FORMAT_KEY] ?? 1)
    const problem = formatProblem(format, STREAM_KINDS[stream], `the stream ${stream}`)
    if (problem !== undefined) throw problem
  }
}

/** The item of a stored message; undefined, with a log line, if this release cannot read it. */
export function readOrSkip<T>(
  log: Logger,
  channel: StoredChannel<T>,
  { subject, seq, text }: Pick<StoredMessage, 'subject' | 'seq' | 'text'>,
): T | undefined {
  const parsed = parseItem(channel, text)
  if (parsed.kind === 'parsed') return parsed.value
  logSkipped(log, parsed.problem, { subject, seq })
  return undefined
}

/** Writes the line of a stored item that a reader skips. */
export function logSkipped(
  log: Logger,
  problem: unknown,
  about: { readonly subject: string; readonly seq: number },
): void {
  log.error({ err: problem, ...about }, 'The process skipped a stored item that it cannot read')
}
