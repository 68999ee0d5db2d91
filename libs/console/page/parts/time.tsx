import { ago } from '@agentfleet/domain'
import { nowMs } from '../api/http.ts'
import { instant } from '../format/format.ts'
import { zone } from '../shell/zone.ts'

/** A time as its distance from now, with the exact time as title. */
export function Ago({ at }: { at: string | number | undefined }) {
  if (at === undefined) return <span>—</span>
  const atMs = typeof at === 'number' ? at : Date.parse(at)
  return (
    <time dateTime={new Date(atMs).toISOString()} title={instant(atMs, zone.value)}>
      {ago(atMs, nowMs())}
    </time>
  )
}

/** A time as date and time, in the zone that the reader chose; the title has the other zone. */
export function Instant({ at }: { at: string | number | undefined }) {
  if (at === undefined) return <span>—</span>
  const atMs = typeof at === 'number' ? at : Date.parse(at)
  return (
    <time
      dateTime={new Date(atMs).toISOString()}
      title={instant(atMs, zone.value === '' ? 'UTC' : '')}
    >
      {instant(atMs, zone.value)}
    </time>
  )
}
