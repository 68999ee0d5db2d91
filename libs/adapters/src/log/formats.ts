import { FORMATS, requireFormat, STREAMS, type StoredKind } from '@agentfleet/protocol'
import type { Bus } from '../bus/bus.ts'
import { streamMetadata } from './stream-reads.ts'

/** The kind of items in each stream. */
const STREAM_KINDS: Readonly<Record<string, StoredKind>> = {
  [STREAMS.log]: 'event',
  [STREAMS.tasks]: 'pointer',
  [STREAMS.agents]: 'definition',
  [STREAMS.schedules]: 'schedule',
  [STREAMS.keys]: 'key',
  [STREAMS.audit]: 'audit',
}
const FORMAT_KEY = 'agentfleet-format'

/** The newest format that a stream may hold, as the stream's configuration notes it. */
export function formatMetadata(stream: string): Record<string, string> {
  const kind = STREAM_KINDS[stream]
  return kind === undefined ? {} : { [FORMAT_KEY]: String(FORMATS[kind]) }
}

/**
 * Throws `newer-format` when one of these streams may hold items that this release cannot read: a service
 * that skipped them would act on missing facts.
 */
export async function requireKnownFormats(bus: Bus, streams: readonly string[]): Promise<void> {
  for (const stream of streams) {
    const kind = STREAM_KINDS[stream]
    const format = (await streamMetadata(bus, stream))?.[FORMAT_KEY]
    if (kind !== undefined && format !== undefined) {
      requireFormat(Number(format), kind, `the stream ${stream}`)
    }
  }
}
