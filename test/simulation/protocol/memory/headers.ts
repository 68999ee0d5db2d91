import { EPOCH_MS } from '../time/virtual-time.ts'
import type { Stored } from './streams.ts'
import type { WireHeaders } from './wire.ts'

/** The server's headers of a stored message. */
export function headersOf({ subject, seq, messageId, atMs }: Stored): WireHeaders {
  const values = new Map([
    ['Nats-Subject', subject],
    ['Nats-Sequence', String(seq)],
    ['Nats-Msg-Id', messageId],
    ['Nats-Time-Stamp', new Date(EPOCH_MS + atMs).toISOString()],
  ])
  return { code: 0, description: '', get: (name) => values.get(name) ?? '' }
}
