import { show, table } from '../figures.ts'
import { describeFindings } from '../invariants.ts'
import type { PlayFigures } from './play.ts'

/** The figures of a replay, for people. */
export function describePlay(figures: PlayFigures): string {
  const { addedMs, lateMs, findings } = figures
  const rows = [
    ['sent', show(figures.sent)],
    ['refused permanently', String(figures.refused)],
    ['submissions repeated', String(figures.repeats)],
    ['played in, s', show(figures.playSeconds)],
    ['all ended after, s', show(figures.totalSeconds)],
    ['goodput, tasks/s', show(figures.completedPerSecond)],
    ['goodput, tokens/s', show(figures.tokensPerSecond)],
    ['added to the provider’s time, p50 ms', show(addedMs.p50)],
    ['added, p90 ms', show(addedMs.p90)],
    ['added, p99 ms', show(addedMs.p99)],
    ['added, max ms', show(addedMs.max)],
    ['player late, p99 ms', show(lateMs.p99)],
  ]
  return `${table(['replay', ''], rows)}\naudit: ${describeFindings(findings)}`
}
