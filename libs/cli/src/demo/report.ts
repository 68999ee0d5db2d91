import { counted, duration, number } from '../render/formats.ts'
import type { Tone } from '../render/paint.ts'
import { table, type Look } from '../render/table.ts'
import type { Kill, LogFigures } from './history.ts'

/** The simulators' counts of LLM calls. */
export interface PaidFigures {
  /** Calls that the provider finished, and so would charge for. */
  readonly paid: number
  /** Calls of tasks that it finished twice, because a kill came before their result was stored. */
  readonly paidTwice: number
}

/** Everything that a demo measured. */
export interface DemoFigures extends LogFigures, PaidFigures {
  readonly kills: readonly Kill[]
  readonly page: string
}

/** Whether the fleet kept its promises: no task is lost, and each ended once. */
export function isKept({ lost, endedTwice }: LogFigures): boolean {
  return lost === 0 && endedTwice === 0
}

/** The figures as a table, and the address at which to look. */
export function demoReport(figures: DemoFigures, look: Look): string {
  const { accepted, completed, failed, lost, endedTwice, addedMs, failoverMs, seconds } = figures
  const { paid, paidTwice, kills, page } = figures
  const rate = seconds === 0 ? 0 : accepted / seconds
  const share = paid === 0 ? 0 : (paidTwice / paid) * 100
  const zero = (value: number): Tone => (value === 0 ? 'good' : 'bad')
  const rows = table(
    [{ name: 'MEASURED' }, { name: 'RESULT' }, { name: 'HOW' }],
    [
      [
        'tasks',
        `${number(accepted)} accepted`,
        `the log has ${number(rate)} accepted tasks a second`,
      ],
      ['completed', number(completed), `the log shows that ${counted(failed, 'task')} failed`],
      [
        'lost',
        { text: number(lost), tone: zero(lost) },
        'the log has no end of these accepted tasks',
      ],
      [
        'ended twice',
        { text: number(endedTwice), tone: zero(endedTwice) },
        'the log has two ends of these tasks',
      ],
      [
        'added latency',
        `p50 ${duration(addedMs.p50)}, p99 ${duration(addedMs.p99)}`,
        `${counted(addedMs.count, 'task')} took this time in addition to the LLM calls`,
      ],
      [
        'failover',
        failoverMs.count === 0
          ? '—'
          : `p50 ${duration(failoverMs.p50)}, p99 ${duration(failoverMs.p99)}`,
        failoverMs.count === 0
          ? 'no task of a killed node had to run again'
          : `${counted(failoverMs.count, 'task')} of killed nodes ran again this long after the kill`,
      ],
      [
        'paid twice',
        `${number(paidTwice)} of ${number(paid)} calls (${share.toFixed(2)} %)`,
        'the simulator counted these calls, in tasks with several attempts',
      ],
    ],
    look,
  )
  const killed = kills.map(({ node, running }) => `${node} (${counted(running, 'running task')})`)
  const parts = [rows]
  if (killed.length > 0) parts.push(`killed: ${killed.join(', ')}`)
  parts.push(`the page of the fleet: ${page}`)
  return parts.join('\n\n')
}
