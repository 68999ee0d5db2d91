import { count, duration } from '@agentfleet/domain'

const BAR_COLUMNS = 24

/** One line that shows how far long work is, and how long the rest will take at the speed so far. */
export function progressBar(
  what: string,
  {
    done,
    total,
    elapsedMs,
  }: { readonly done: number; readonly total: number; readonly elapsedMs: number },
): string {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const full = Math.round(share * BAR_COLUMNS)
  const bar = '█'.repeat(full) + '░'.repeat(BAR_COLUMNS - full)
  const left = share > 0 && share < 1 ? `, ${duration((elapsedMs / share) * (1 - share))} left` : ''
  return `${what} ${bar} ${count(done)} of ${count(total)}${left}`
}
