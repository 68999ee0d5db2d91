/** Bytes of the frame of a member: quotes, colon, comma. */
const FRAME_BYTES = 6
/** Bytes of a number, boolean or null, about. */
const PLAIN_BYTES = 5

/**
 * Roughly the bytes of a value as JSON, without writing it: every submission is sized. Texts count by their
 * characters, so text outside Latin takes up to three times as much.
 */
export function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return PLAIN_BYTES
  let bytes = 2
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) bytes += name.length + FRAME_BYTES + roughBytes(member)
  }
  return bytes
}
