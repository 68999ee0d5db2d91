import { nowMs } from '../api/http.ts'
import { ago, instant } from '../format/format.ts'

/** A time as its distance from now, with the exact time as title. */
export function Ago({ at }: { at: string | number | undefined }) {
  if (at === undefined) return <span>—</span>
  const atMs = typeof at === 'number' ? at : Date.parse(at)
  return (
    <time dateTime={new Date(atMs).toISOString()} title={instant(atMs)}>
      {ago(atMs, nowMs())}
    </time>
  )
}

/** A time as date and time, with the time in UTC as title. */
export function Instant({ at }: { at: string | number | undefined }) {
  if (at === undefined) return <span>—</span>
  const atMs = typeof at === 'number' ? at : Date.parse(at)
  return (
    <time dateTime={new Date(atMs).toISOString()} title={instant(atMs, 'UTC')}>
      {instant(atMs)}
    </time>
  )
}
