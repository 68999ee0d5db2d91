import { count, duration, plural } from '@agentfleet/domain'
import type { Tone } from '../render/paint.ts'
import { table, type Look } from '../render/table.ts'
import type { Kill, LogFigures } from './history.ts'

/** The simulators' counts of LLM calls. */
export interface PaidFigures {
  /** Calls that the provider finished, and so would charge for. */
  readonly paid: number
  /** Calls of tasks that it finished twice, because a kill came before their result was stored. */
  readonly paidTwice: number
  /** Calls of other tasks that it finished twice, and of tasks with one attempt: 0 on a fleet without other work. */
  readonly paidTwiceElsewhere: number
}

/** Everything that a demo measured. */
export interface DemoFigures extends LogFigures, PaidFigures {
  readonly kills: readonly Kill[]
  readonly page: string
}

/** Whether the fleet kept its promises: no task is lost, each ended once, and the provider was paid for every call. */
export function isKept(
  figures: Pick<DemoFigures, 'lost' | 'endedTwice' | 'calls' | 'paid'>,
): boolean {
  return figures.lost === 0 && figures.endedTwice === 0 && isCounted(figures)
}

/** Whether the simulators counted every call that the log has: otherwise "paid twice" cannot be trusted. */
function isCounted({ calls, paid }: Pick<DemoFigures, 'calls' | 'paid'>): boolean {
  return paid >= calls
}

/** The figures as a table, and the address at which to look. */
export function demoReport(figures: DemoFigures, look: Look): string {
  const { accepted, completed, failed, lost, endedTwice, calls, addedMs, failoverMs, seconds } =
    figures
  const { paid, paidTwice, paidTwiceElsewhere, kills, page } = figures
  const rate = seconds === 0 ? 0 : accepted / seconds
  const share = paid === 0 ? 0 : (paidTwice / paid) * 100
  const zero = (value: number): Tone => (value === 0 ? 'good' : 'bad')
  const rows = table(
    ['MEASURED', 'RESULT', 'HOW'],
    [
      [
        'tasks',
        `${count(accepted)} accepted`,
        `the log has ${count(rate)} accepted tasks a second`,
      ],
      ['completed', count(completed), `the log shows that ${plural(failed, 'task')} failed`],
      [
        'lost',
        { text: count(lost), tone: zero(lost) },
        'the log has no end of these accepted tasks',
      ],
      [
        'ended twice',
        { text: count(endedTwice), tone: zero(endedTwice) },
        'the log has two ends of these tasks',
      ],
      [
        'added latency',
        `p50 ${duration(addedMs.p50)}, p99 ${duration(addedMs.p99)}`,
        `${plural(addedMs.count, 'task')} took this time in addition to the LLM calls`,
      ],
      [
        'failover',
        failoverMs.count === 0
          ? '—'
          : `p50 ${duration(failoverMs.p50)}, p99 ${duration(failoverMs.p99)}`,
        failoverMs.count === 0
          ? 'no task of a killed node had to run again'
          : `${plural(failoverMs.count, 'task')} of killed nodes ran again this long after the kill`,
      ],
      [
        'LLM calls',
        { text: count(calls), tone: isCounted(figures) ? 'good' : 'bad' },
        isCounted(figures)
          ? 'the log has these calls of the tasks, and the simulator counted all of them'
          : `the log has these calls of the tasks, but the simulator counted only ${count(paid)}`,
      ],
      [
        'paid twice',
        `${count(paidTwice)} of ${count(paid)} calls (${share.toFixed(2)} %)`,
        paidTwiceElsewhere === 0
          ? 'the simulator counted these calls, in tasks with several attempts'
          : `the simulator counted these calls, in tasks with several attempts, and ${count(paidTwiceElsewhere)} in others`,
      ],
    ],
    look,
  )
  const killed = kills.map(({ node, running }) => `${node} (${plural(running, 'running task')})`)
  const parts = [rows]
  if (killed.length > 0) parts.push(`killed: ${killed.join(', ')}`)
  parts.push(`the page of the fleet: ${page}`)
  return parts.join('\n\n')
}
