import { EPOCH_MS } from '../time/virtual-time.ts'
import type { Stored } from './streams.ts'
import type { WireHeaders } from './wire.ts'

/** The server's headers of a stored message; most readers ask for one of them. */
export function headersOf(message: Stored): WireHeaders {
  return { code: 0, description: '', get: (name) => valueOf(name, message) }
}

function valueOf(name: string, { subject, seq, messageId, atMs }: Stored): string {
  if (name === 'Nats-Subject') return subject
  if (name === 'Nats-Sequence') return String(seq)
  if (name === 'Nats-Msg-Id') return messageId
  if (name === 'Nats-Time-Stamp') return new Date(EPOCH_MS + atMs).toISOString()
  return ''
}
