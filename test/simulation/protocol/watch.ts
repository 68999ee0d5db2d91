import {
  CHANNELS,
  nodeIdIn,
  STREAMS,
  taskIdOf,
  type DispatchItem,
  type Outcome,
  type PointerAck,
  type ReportItem,
} from '@agentfleet/protocol'
import { loggedEvent } from '@agentfleet/tools'
import type { MemoryNats } from './memory/server.ts'
import type { Heard } from './memory/wire.ts'
import { historyOf } from './stand-ins/provider.ts'

/**
 * Rules that are checked on the messages themselves, as they leave their process.
 *
 * - L4: a node acks a pointer only when the log holds the event that ended its run.
 * - L4: a run that learned that another one is entitled sends no further report.
 */
export interface Watch {
  readonly heard: Heard
  readonly problems: readonly string[]
  /** Whether every run of this task on a node has to begin through the coordinator. */
  fenced(nodeId: string, taskId: string): boolean
}

/** Outcomes that a node received, by the inbox of its reports. */
interface Asked {
  readonly nodeId: string
  readonly items: readonly ReportItem[]
}

const ACKS = /^node\.[^.]+\.acks$/
const DISPATCH = /^node\.[^.]+\.dispatch$/
const ENDS_A_RUN = new Set(['completed', 'failed', 'cancelled', 'attempt-failed', 'paused'])

/** Watches the messages to this server; `strict`: no run may start twice with the same token. */
export function watchMessages(server: () => MemoryNats, strict: boolean): Watch {
  const problems: string[] = []
  const asked = new Map<string, Asked>()
  const superseded = new Map<string, string>()
  const fastRuns = new Set<string>()

  const onAck = (subject: string, nodeId: string): void => {
    const seq = Number(subject.split('.')[5])
    const pointer = server().api.streams.get(STREAMS.tasks)?.messages.get(seq)
    if (pointer === undefined) return
    const taskId = taskIdOf(pointer.subject)
    const events = historyOf(server(), taskId)
    // A task that has waited before its first run is acked when its pointer arrived too early.
    const waited = events[0] !== undefined && loggedEvent(events[0].event, 0).waits === true
    if (!waited && !events.some(({ event }) => ENDS_A_RUN.has(event.type)))
      problems.push(`L4 ${taskId}: ${nodeId} acks what the log does not hold`)
  }

  const onOutcomes = (inbox: string, text: string): void => {
    const report = asked.get(inbox)
    if (report === undefined || !text.startsWith('{"outcomes"')) return
    asked.delete(inbox)
    const { outcomes } = JSON.parse(text) as { readonly outcomes: readonly Outcome[] }
    for (const [index, item] of report.items.entries()) {
      if (outcomes[index]?.kind !== 'superseded' || !('expect' in item)) continue
      const run = `${report.nodeId}/${item.taskId}/${item.expect}`
      const before = superseded.get(run)
      superseded.set(run, item.reportId)
      if (!strict || before === undefined || before === item.reportId) continue
      problems.push(`L4 ${item.taskId}: ${report.nodeId} reports again although it had to stop`)
    }
  }

  const onDispatch = (nodeId: string, text: string): void => {
    for (const { taskId, fenced } of (JSON.parse(text) as { items: readonly DispatchItem[] })
      .items) {
      const run = `${nodeId}/${taskId}`
      if (!fenced) fastRuns.add(run)
    }
  }

  return {
    problems,
    fenced: (nodeId, taskId) => !fastRuns.has(`${nodeId}/${taskId}`),
    heard(process, { subject, data, reply }) {
      if (ACKS.test(subject)) {
        const { acks } = JSON.parse(data) as { readonly acks: readonly PointerAck[] }
        for (const said of acks) if (said.say === 'done') onAck(said.subject, process.id)
      } else if (DISPATCH.test(subject)) {
        onDispatch(nodeIdIn(CHANNELS.dispatch, subject), data)
      } else if (subject.startsWith('coordinator.report.')) {
        const { nodeId, items } = JSON.parse(data) as Asked
        asked.set(reply, { nodeId, items })
      } else if (process.id.startsWith('coordinator-') && subject.startsWith('_INBOX')) {
        onOutcomes(subject, data)
      }
    },
  }
}

/** Messages that the log of a history shows: not the hints of life. */
const SHOWN =
  /^(log|tasks|\$JS\.ACK|coordinator|balancer\.handover|_INBOX|node\.[^.]+\.(dispatch|stop|acks)|fleet\.(stop|runs))/

/** Logs every message that matters. */
export function tellMessages(nowMs: () => number, say: (line: string) => void): Heard {
  return (process, { subject, data }, { lost, lateMs, twice }) => {
    if (!SHOWN.test(subject) || data.includes('"tenants"')) return
    const fate = lost ? ' LOST' : lateMs > 0 ? ` LATE ${lateMs}` : twice ? ' TWICE' : ''
    const at = nowMs().toFixed(1).padStart(9)
    say(`${at} ${process.id} > ${subject}${fate} ${data.slice(0, 200)}`)
  }
}
