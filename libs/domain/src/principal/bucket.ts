import { MINUTE_MS } from '../durations.ts'

/** A bucket of permits that fills with time. */
export interface Bucket {
  readonly left: number
  readonly atMs: number
}

/** How fast a bucket fills, and how much it holds. */
interface BucketLimits {
  readonly perMinute: number
  readonly burst: number
}

/** One permit of a bucket, or how long until the next one. */
export type Taken =
  | { readonly kind: 'taken'; readonly bucket: Bucket }
  | { readonly kind: 'empty'; readonly bucket: Bucket; readonly retryAfterMs: number }

/** Takes one permit; a bucket that does not exist yet is full. */
export function takePermit(
  bucket: Bucket | undefined,
  { perMinute, burst }: BucketLimits,
  nowMs: number,
): Taken {
  const { left, atMs } = bucket ?? { left: burst, atMs: nowMs }
  const filled = Math.min(burst, left + (Math.max(0, nowMs - atMs) * perMinute) / MINUTE_MS)
  if (filled >= 1) return { kind: 'taken', bucket: { left: filled - 1, atMs: nowMs } }
  const retryAfterMs = Math.ceil(((1 - filled) * MINUTE_MS) / perMinute)
  return { kind: 'empty', bucket: { left: filled, atMs: nowMs }, retryAfterMs }
}
