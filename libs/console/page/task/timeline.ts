import {
  costText,
  count,
  duration,
  lessUsage,
  shortened,
  UNKNOWN,
  type Usage,
} from '@agentfleet/domain'
import type { HistoryEvent, TaskView } from '@agentfleet/protocol'

/**
 * The waterfall of a task, computed from its stored events. A bar whose start no event stores says so: a call of an
 * older release stores only its end, so its bar starts at the event before and means "at most this long".
 */

/** One bar of the waterfall. */
export interface Bar {
  readonly key: string
  readonly kind: 'queue' | 'wait' | 'attempt' | 'llm' | 'tool' | 'backoff' | 'children' | 'end'
  readonly label: string
  readonly startMs: number
  readonly endMs: number
  /** The start is not stored: the call began at this time or later. */
  readonly atMost: boolean
  readonly running: boolean
  readonly detail: string
  readonly taskIds: readonly string[]
  /** The stored event that has the answer of a call, or why the task ended. */
  readonly seq?: number | undefined
}

/** What the waterfall needs from the task itself. */
export type Subject = Pick<TaskView, 'createdAt' | 'state' | 'node' | 'placement'>

/** Characters of a detail: a row shows one line, and its title a few more. */
const DETAIL_CHARS = 500

type Approval = NonNullable<HistoryEvent['approval']>

/** What every part of the waterfall is computed from. */
interface History {
  readonly task: Subject
  readonly events: readonly HistoryEvent[]
  readonly createdMs: number
  readonly nowMs: number
  readonly known: WeakMap<HistoryEvent, Bar>
}

interface Attempt {
  readonly number: number
  readonly events: HistoryEvent[]
}

const TASK_ENDS: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled'])
/** The codes with which an attempt ends because of its last LLM call. */
const OF_A_CALL = /^(provider-(overloaded|unavailable|timeout)|empty-answer|answer-cut)$/
/** Events after which an attempt does nothing more. */
const ATTEMPT_ENDS: ReadonlySet<string> = new Set(['attempt-failed', 'paused', ...TASK_ENDS])

/** Returns the bars of a task in the order of their starts. `known` keeps the bars of calls, which never change. */
export function timelineOf(
  task: Subject,
  events: readonly HistoryEvent[],
  nowMs: number,
  known: WeakMap<HistoryEvent, Bar> = new WeakMap(),
): readonly Bar[] {
  const createdMs = events[0]?.atMs ?? Date.parse(task.createdAt)
  const history = { task, events, createdMs, nowMs, known }
  const attempts = attemptsOf(task, events)
  const bars = [
    ...beforeFirst(history, attempts[0]),
    ...attempts.flatMap((attempt) => attemptBars(history, attempt)),
    ...betweenBars(history),
    ...endBar(events),
  ]
  // A stable sort keeps an attempt above its calls.
  return bars.toSorted((a, b) => a.startMs - b.startMs || rank(a) - rank(b))
}

function rank({ kind }: Bar): number {
  return kind === 'attempt' ? 0 : 1
}

/** Groups events by attempt. The first attempt may store no start, so its events carry no other number. */
function attemptsOf(task: Subject, events: readonly HistoryEvent[]): readonly Attempt[] {
  const byNumber = new Map<number, HistoryEvent[]>()
  for (const event of events) {
    if (event.attempt === undefined) continue
    const list = byNumber.get(event.attempt) ?? []
    list.push(event)
    byNumber.set(event.attempt, list)
  }
  const attempts = [...byNumber].map(([number, own]) => ({ number, events: own }))
  // A first attempt that has stored nothing yet is known from the task's placement.
  if (attempts.length === 0 && task.state === 'running') attempts.push({ number: 1, events: [] })
  return attempts.sort((a, b) => a.number - b.number)
}

/** When an attempt began; undefined if that is not stored. */
function startOf(task: Subject, { number, events }: Attempt): number | undefined {
  const known = events.find(({ type }) => type === 'attempt-started') ?? placementIn(events)
  if (known !== undefined) return known.atMs
  return number === 1 && task.state === 'running' ? task.placement?.atMs : undefined
}

function placementIn(events: readonly HistoryEvent[]): HistoryEvent['placement'] {
  return events.find(({ placement }) => placement !== undefined)?.placement
}

function beforeFirst(history: History, first: Attempt | undefined): readonly Bar[] {
  const { task, events, createdMs, nowMs } = history
  const released = events.find(({ type }) => type === 'released')
  const startMs = first && startOf(task, first)
  const endedMs = events.find(({ type }) => TASK_ENDS.has(type))?.atMs
  const waits =
    released !== undefined && (startMs === undefined || released.atMs <= startMs)
      ? [
          bar('wait', 'wait-0', 'Waited to be released', createdMs, released.atMs, {
            detail: released.reason,
          }),
        ]
      : []
  const fromMs = waits[0]?.endMs ?? createdMs
  if (first !== undefined) {
    // Without a stored start, the wait for a node cannot be distinguished from the attempt.
    if (startMs === undefined || startMs <= fromMs) return waits
    return [...waits, bar('queue', 'queue-0', 'Waited for a node', fromMs, startMs)]
  }
  if (task.state === 'waiting') {
    return [bar('wait', 'wait-now', 'Waits', createdMs, nowMs, { running: true })]
  }
  const running = endedMs === undefined
  const label = running ? 'Waits for a node' : 'Waited for a node'
  return [...waits, bar('queue', 'queue-0', label, fromMs, endedMs ?? nowMs, { running })]
}

function attemptBars(history: History, attempt: Attempt): readonly Bar[] {
  const { task, createdMs, nowMs } = history
  const { number, events } = attempt
  const start = startOf(task, attempt)
  const startMs = start ?? createdMs
  const last = events.findLast(({ type }) => ATTEMPT_ENDS.has(type))
  const placement = placementIn(events)
  const node =
    events.find((event) => event.node !== undefined)?.node ??
    placement?.node ??
    (last === undefined ? task.node : undefined)
  const reason = placement?.reason ?? (number === 1 ? task.placement?.reason : undefined)
  const own = bar(
    'attempt',
    `attempt-${number}`,
    node === undefined ? `Attempt ${number}` : `Attempt ${number} on ${node}`,
    startMs,
    last?.atMs ?? nowMs,
    {
      atMost: start === undefined,
      running: last === undefined,
      detail: [reason, last?.error?.message].filter(Boolean).join(' · '),
    },
  )
  return [own, ...callBars(history, attempt, startMs)]
}

function callBars(history: History, attempt: Attempt, attemptStartMs: number): readonly Bar[] {
  const { events: all, known } = history
  const { number, events } = attempt
  let beforeMs = attemptStartMs
  return events.flatMap((event) => {
    const startMs = Math.min(beforeMs, event.atMs)
    if (event.type !== 'attempt-started') beforeMs = event.atMs
    if (event.call === undefined) {
      return lastAnswer(event, number, startMs, all) ?? failedCall(event, number, startMs) ?? []
    }
    const own = known.get(event) ?? callBar(number, event, event.call, startMs)
    known.set(event, own)
    return own
  })
}

function callBar(
  attempt: number,
  { seq, atMs }: HistoryEvent,
  call: NonNullable<HistoryEvent['call']>,
  startMs: number,
): Bar {
  const { times } = call
  const label = call.kind === 'llm' ? 'LLM call' : `Tool ${call.name}`
  const detail = [
    ...(call.kind === 'llm' ? [call.by?.model ?? call.name, usageWords(call.usage)] : []),
    ...(times?.waitedMs === undefined ? [] : [`waited ${duration(times.waitedMs)} for a limit`]),
    ...(times?.firstTokenMs === undefined
      ? []
      : [`first token after ${duration(times.firstTokenMs)}`]),
  ].join(' · ')
  const key = `call-${attempt}-${call.step}-${seq}`
  return bar(call.kind, key, label, times?.startedAtMs ?? startMs, atMs, {
    atMost: times === undefined,
    detail,
    seq,
  })
}

/**
 * The last answer, which is stored together with the ending. `completed` has the usage of the whole task; without
 * that of the stored calls it is the usage of the last answer.
 */
function lastAnswer(
  event: HistoryEvent,
  attempt: number,
  startMs: number,
  all: readonly HistoryEvent[],
): Bar | undefined {
  if (event.type !== 'completed' || event.usage === undefined) return undefined
  const stored = all.flatMap(({ call }) => (call === undefined ? [] : [call.usage]))
  const rest = stored.reduce(lessUsage, event.usage)
  if (rest.llmCalls < 1) return undefined
  // A replay from the journal also counts calls that its own history does not have.
  const figures = rest.llmCalls === 1 ? usageWords(rest) : ''
  return bar('llm', `last-${attempt}`, 'Last answer', startMs, event.atMs, {
    atMost: true,
    seq: event.seq,
    detail: [event.by?.model, figures].filter(Boolean).join(' · '),
  })
}

/** The call that the provider did not answer well: only the end of its attempt is stored, with the code of its failure. */
function failedCall(
  { type, error, atMs, seq }: HistoryEvent,
  attempt: number,
  startMs: number,
): Bar | undefined {
  if (!ATTEMPT_ENDS.has(type) || error === undefined || !OF_A_CALL.test(error.code))
    return undefined
  return bar('llm', `failed-${attempt}`, 'LLM call failed', startMs, atMs, {
    atMost: true,
    seq,
    detail: `${error.code}: ${error.message}`,
  })
}

/** Backoffs after failed attempts, waits during the task, and the tasks that the task created. */
function betweenBars({ task, events, nowMs }: History): readonly Bar[] {
  return events.flatMap((event, index) => {
    const next = events[index + 1]
    if (event.type === 'attempt-failed' && (event.retryAtMs !== undefined || next !== undefined)) {
      const endMs = next?.atMs ?? Math.max(nowMs, event.atMs)
      const label = `Pause before attempt ${(event.attempt ?? 0) + 1}`
      const detail = event.error === undefined ? '' : `after ${event.error.code}`
      const running = next === undefined
      return bar('backoff', `backoff-${event.seq}`, label, event.atMs, endMs, { detail, running })
    }
    if (event.type === 'paused') {
      const end = events
        .slice(index + 1)
        .find(({ type }) => type === 'resumed' || TASK_ENDS.has(type))
      const running = end === undefined && task.state === 'waiting'
      const endMs = end?.atMs ?? nowMs
      return bar('wait', `wait-${event.seq}`, waitWords(event.wait), event.atMs, endMs, {
        running,
        detail: end?.approval && approvalWords(end.approval),
        taskIds: event.wait?.taskIds ?? [],
      })
    }
    if (event.type === 'spawned') {
      const taskIds = event.children ?? []
      const label = `Created ${taskIds.length} ${taskIds.length === 1 ? 'task' : 'tasks'}`
      return bar('children', `children-${event.seq}`, label, event.atMs, event.atMs, { taskIds })
    }
    return []
  })
}

function endBar(events: readonly HistoryEvent[]): readonly Bar[] {
  const end = events.findLast(({ type }) => TASK_ENDS.has(type))
  if (end === undefined) return []
  const label = end.type[0]?.toUpperCase() + end.type.slice(1)
  const detail =
    end.error === undefined ? (end.reason ?? '') : `${end.error.code}: ${end.error.message}`
  return [bar('end', 'end', label, end.atMs, end.atMs, { detail, seq: end.seq })]
}

/** Writes the figures of a call or of a task. */
export function usageWords(usage: Usage): string {
  return `${count(usage.inputTokens)} in, ${count(usage.outputTokens)} out, ${costText(usage)}`
}

function waitWords(wait: HistoryEvent['wait']): string {
  switch (wait?.kind) {
    case 'approval':
      return `Wait for approval of ${wait.tool ?? 'a step'}`
    case 'children':
      return 'Wait for the tasks that it created'
    case 'dependencies':
      return 'Wait for other tasks'
    case 'time':
      return 'Wait for a time'
    case undefined:
      return 'Wait'
  }
}

function approvalWords({ approved, by, person, note }: Approval): string {
  const who = person === undefined ? by : `${person} (key ${by})`
  return `${approved ? 'approved' : 'refused'} by ${who}${note === undefined ? '' : `: ${note}`}`
}

function bar(
  kind: Bar['kind'],
  key: string,
  label: string,
  startMs: number,
  endMs: number,
  { detail = '', ...rest }: Partial<Omit<Bar, 'detail'>> & { detail?: string | undefined } = {},
): Bar {
  return {
    atMost: false,
    running: false,
    taskIds: [],
    ...rest,
    // The event has the whole text.
    detail: shortened(detail, DETAIL_CHARS),
    kind,
    key,
    label,
    startMs,
    endMs: Math.max(startMs, endMs),
  }
}

/** Writes how long a bar took; a start that is not stored makes it an upper bound. */
export function lengthWords({ startMs, endMs, atMost, kind }: Bar): string {
  if (kind === 'end' || kind === 'children') return UNKNOWN
  return `${atMost ? '≤ ' : ''}${duration(endMs - startMs)}`
}
