/** Bytes of the frame of a member: quotes, colon, comma. */
const FRAME_BYTES = 6
/** Bytes of a number, boolean or null, about. */
const PLAIN_BYTES = 5

/** A shorter text counts by its characters: measuring it costs more than it weighs. */
const SHORT_CHARS = 256

/**
 * Roughly the bytes of a value as JSON, without writing it: every submission is sized. Long texts count by their
 * bytes, of which a character outside Latin takes three.
 */
export function roughBytes(value: unknown): number {
  if (typeof value === 'string') {
    return value.length < SHORT_CHARS ? value.length : Buffer.byteLength(value)
  }
  if (typeof value !== 'object' || value === null) return PLAIN_BYTES
  let bytes = 2
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) bytes += name.length + FRAME_BYTES + roughBytes(member)
  }
  return bytes
}
