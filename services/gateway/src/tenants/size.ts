/**
 * Reading, checking and writing a larger value each take milliseconds, up to tens of them if it has many parts, so
 * each of these steps gets its own turn of the event loop.
 */
export const LARGE_BYTES = 64 * 1024

/** Bytes of the frame of a member: quotes, colon, comma. */
const FRAME_BYTES = 6
const COMMA_BYTES = 1
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
  if (Array.isArray(value)) {
    for (const item of value) bytes += COMMA_BYTES + roughBytes(item)
    return bytes
  }
  for (const name of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[name]
    if (member !== undefined) bytes += name.length + FRAME_BYTES + roughBytes(member)
  }
  return bytes
}
