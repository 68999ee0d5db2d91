import { request } from '../api/http.ts'
import { useLoad, type Loaded } from '../api/load.ts'
import { instant } from '../format/format.ts'
import { Ago, Instant } from '../parts/time.tsx'

const TICKS_SHOWN = 5

/** Asks the fleet for the next ticks of an expression; `nextAt` changes after each tick. */
export function usePreview(
  cron: string,
  timeZone: string,
  nextAt = '',
): Loaded<readonly string[] | undefined> {
  return useLoad(`preview ${cron} ${timeZone} ${nextAt}`, async (signal) => {
    if (cron.trim() === '') return undefined
    const body = { cron, timeZone, count: TICKS_SHOWN }
    const sent = { method: 'POST', body, signal } as const
    return (await request<{ ticks: string[] }>('/v1/schedules:preview', sent)).ticks
  })
}

/** The next ticks in the time zone of the schedule and in the time zone of the reader. */
export function Ticks({ ticks, timeZone }: { ticks: readonly string[]; timeZone: string }) {
  return (
    <ul class="plain">
      {ticks.map((tick) => (
        <li key={tick}>
          {instant(Date.parse(tick), timeZone)}{' '}
          <span class="muted">
            <Ago at={tick} />, here <Instant at={tick} />
          </span>
        </li>
      ))}
    </ul>
  )
}
