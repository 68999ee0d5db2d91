import { show, table } from '../figures.ts'
import { describeFindings } from '../invariants.ts'
import { longestByCause, pastOf } from './gaps.ts'
import type { ChaosFigures } from './play.ts'

/** A longer time without an ending is worth a look: two servers that are frozen one after the other. */
const GAP_GOAL_MS = 20_000
const GAPS_SHOWN = 3

/** The figures of a run, for people. */
export function showChaos(figures: ChaosFigures): string {
  const { findings, gaps, faults, leftovers } = figures
  const { violations, unfinished } = findings
  const doubled = violations.filter(({ detail }) => detail.endsWith('endings')).length
  const [longest] = gaps
  const rows = [
    ['tasks accepted', show(figures.accepted)],
    ['tasks ended', show(figures.ended)],
    ['lost', String(unfinished.length)],
    ['double endings', String(doubled)],
    ['violations', String(violations.length)],
    ['tasks followed through the stream', show(figures.viewed)],
    ['requests repeated', show(figures.repeated)],
    ['LLM calls finished at the provider', show(figures.callsPaid)],
    ['LLM calls in the log', show(figures.callsLogged)],
    ['answered LLM calls paid twice', String(figures.paid.finishedTwice)],
    ['  stored before they were asked for again', String(figures.paid.stored.length)],
    [
      '  under way when a process died, froze or was cut off',
      String(figures.paid.finishedTwice - figures.paid.stored.length),
    ],
    ['approved tool calls made', show(figures.approvedCalls)],
    ['  made again after a crash', show(figures.approvedCallsAgain)],
    ['longest time without an ending, s', seconds(longest?.lengthMs ?? 0)],
  ]
  const causes = [...longestByCause(gaps)].sort(([, a], [, b]) => b - a)
  const within = (longest?.lengthMs ?? 0) <= GAP_GOAL_MS
  return [
    table(['chaos', ''], rows),
    '',
    kindTable(figures.kinds),
    '',
    table(
      ['longest time without an ending, by cause', 's'],
      causes.map(([cause, ms]) => [cause, seconds(ms)]),
    ),
    ...gaps.slice(0, GAPS_SHOWN).map(({ fromMs, lengthMs, faults: atWork }) => {
      const names = atWork.map(
        (fault) => `${fault.process} ${pastOf(fault)} at ${seconds(fault.atMs - fromMs)} s`,
      )
      return `${seconds(lengthMs)} s without an ending: ${names.join(', ') || 'no fault'}`
    }),
    '',
    countTable(faults),
    '',
    `audit: ${describeFindings(findings)}`,
    ...figures.broken.slice(0, 10).map((text) => `BROKEN: ${text}`),
    ...leftovers.slice(0, 10).map((text) => `LEFT OVER: ${text}`),
    ...figures.paidAgain
      .slice(0, 10)
      .map((text) => `PAID AGAIN although the answer was stored: ${text}`),
    within ? '' : `LONGER than the goal of ${seconds(GAP_GOAL_MS)} s without an ending`,
    figures.sound ? 'sound' : `NOT SOUND (seed ${figures.options.seed})`,
  ].join('\n')
}

/** What users did, and how it ended. */
function kindTable(kinds: ChaosFigures['kinds']): string {
  const rows = Object.entries(kinds).sort(([, a], [, b]) => b.tasks - a.tasks)
  return table(
    ['tasks of', 'all', 'completed', 'failed', 'cancelled'],
    rows.map(([kind, { tasks, completed, failed, cancelled }]) => [
      kind,
      ...[tasks, completed, failed, cancelled].map(show),
    ]),
  )
}

function countTable(faults: ChaosFigures['faults']): string {
  const parts = [...new Set(faults.map(({ part }) => part))].sort()
  const count = (part: string, kind: string): string =>
    String(faults.filter((fault) => fault.part === part && fault.kind === kind).length)
  return table(
    ['process', 'kills', 'freezes'],
    parts.map((part) => [part, count(part, 'kill'), count(part, 'freeze')]),
  )
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}
