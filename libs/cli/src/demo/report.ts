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
        `${number(rate)} tasks a second; counted from the log`,
      ],
      ['completed', number(completed), `${number(failed)} tasks failed; counted from the log`],
      [
        'lost',
        { text: number(lost), tone: zero(lost) },
        'accepted tasks that have no end in the log',
      ],
      ['ended twice', { text: number(endedTwice), tone: zero(endedTwice) }, 'counted from the log'],
      [
        'added latency',
        `p50 ${duration(addedMs.p50)}, p99 ${duration(addedMs.p99)}`,
        `the time of a task without its LLM calls, under the load of the demo; ${counted(addedMs.count, 'task')}`,
      ],
      [
        'failover',
        failoverMs.count === 0
          ? '—'
          : `p50 ${duration(failoverMs.p50)}, p99 ${duration(failoverMs.p99)}`,
        `the time from a kill until a task of the killed node runs again; ${counted(failoverMs.count, 'task')}`,
      ],
      [
        'paid twice',
        `${number(paidTwice)} of ${number(paid)} calls (${share.toFixed(2)} %)`,
        'counted by the simulator, for the tasks that have several attempts in the log',
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
