import {
  createCompactingMap,
  LEVELS,
  reservationOf,
  type Level,
  type Placed,
  type TaskSpec,
} from '@agentfleet/domain'
import type { DispatchItem } from '@agentfleet/protocol'

/**
 * The attempts of this node, each of which holds a slot.
 *
 * Phases of a run: queued (taken, not started) → beginning (asks the coordinator, a fenced start of
 * L3) → running ⇄ reporting (a report is out) → over. A run that needs no begin skips that phase.
 * Invariants: one run per task; a run is over once, for one reason; what is over is in the table no
 * more, has nothing left that goes on (`cancel` was called), and neither renews nor acks after that,
 * but for the one ack of its own ending (L4).
 */

/** Where a run stands. */
export type Phase = 'queued' | 'beginning' | 'running' | 'reporting'

/** Why a run is over: its own ending, or who ended it. */
export type Over =
  | 'completed'
  | 'failed'
  | 'paused'
  | 'finished'
  | 'not-due'
  | 'superseded'
  | 'refused'
  | 'unconfirmed'
  | 'stopped'
  | 'replaced'
  | 'given-back'

/** One attempt as this node runs it. */
export interface Run {
  readonly taskId: string
  readonly tenant: string
  readonly claim: string
  readonly fenced: boolean
  /** When it was taken, and from then on when it was started, monotonic. */
  takenAtMs: number
  /** When it came into its phase, monotonic. */
  phasedAtMs: number
  /** Where its pointer is renewed and acked; undefined while it has none. */
  ackSubject: string | undefined
  spec: TaskSpec | undefined
  readonly cpu: Level
  readonly memory: Level
  /** Why it came here, until a report has said it. */
  placed: Placed | undefined
  deadlineAtMs: number
  /** Log sequence this run last saw: the expectation of its next report (L3). */
  token: number
  attempt: number
  phase: Phase
  over: Over | undefined
  /** It failed by the fault of this node. */
  failedHere: boolean
  /** The connection or the process was away: not renewed until the coordinator confirms it. */
  doubtful: boolean
  /** The question that resolves the doubt; no report leaves before its answer. */
  check: Promise<void> | undefined
  /** When the pointer is renewed next, monotonic. */
  renewAtMs: number
  /** Stops what is under way, if anything is. */
  cancel: (() => void) | undefined
  /** Characters of text published as deltas, and those that wait for it. */
  streamed: number
  unsent: string
}

/** The table of runs. */
export interface Runs {
  get(taskId: string): Run | undefined
  all(): Iterable<Run>
  size(): number
  /** Runs that hold a slot and have not begun their work. */
  waiting(): number
  /** Runs that stand with the node or the coordinator: all but those in phase `running`. */
  held(): number
  /** Longest that one of these has stood in its phase, milliseconds. */
  stuckMs(nowMs: number): number
  /** Attempts by requirement class. */
  classes(): Readonly<Record<'cpu' | 'memory', Readonly<Record<Level, number>>>>
  add(item: DispatchItem, nowMs: number, renewAtMs: number, placed?: Placed): Run
  enter(run: Run, phase: Phase): void
  /** Ends a run; false when it was over already. */
  end(run: Run, over: Over): boolean
}

/** An empty table; `changed` is called whenever a run is added or over. */
export function createRuns(
  changed: (over: Run | undefined) => void,
  monotonicMs: () => number = () => performance.now(),
): Runs {
  const table = createCompactingMap<string, Run>()
  let waiting = 0
  let held = 0
  const cpu = { low: 0, medium: 0, high: 0 }
  const memory = { low: 0, medium: 0, high: 0 }
  const classes = { cpu, memory }
  const waits = (phase: Phase): number => (phase === 'queued' || phase === 'beginning' ? 1 : 0)
  const holds = (phase: Phase): number => (phase === 'running' ? 0 : 1)

  return {
    get: (taskId) => table.get(taskId),
    all: () => table.values(),
    size: () => table.size,
    waiting: () => waiting,
    held: () => held,
    stuckMs(nowMs) {
      let oldestAtMs = nowMs
      for (const run of table.values()) {
        if (run.phase !== 'running') oldestAtMs = Math.min(oldestAtMs, run.phasedAtMs)
      }
      return nowMs - oldestAtMs
    },
    classes: () => classes,
    add(item, nowMs, renewAtMs, placed) {
      const run = createRun(item, nowMs, renewAtMs, placed)
      table.set(run.taskId, run)
      cpu[run.cpu] += 1
      memory[run.memory] += 1
      waiting += 1
      held += 1
      changed(undefined)
      return run
    },
    enter(run, phase) {
      if (run.over !== undefined) return
      waiting += waits(phase) - waits(run.phase)
      held += holds(phase) - holds(run.phase)
      run.phase = phase
      run.phasedAtMs = monotonicMs()
    },
    end(run, over) {
      if (run.over !== undefined) return false
      run.over = over
      waiting -= waits(run.phase)
      held -= holds(run.phase)
      cpu[run.cpu] -= 1
      memory[run.memory] -= 1
      if (table.get(run.taskId) === run) table.delete(run.taskId)
      const { cancel } = run
      run.cancel = undefined
      cancel?.()
      changed(run)
      return true
    },
  }
}

function createRun(
  item: DispatchItem,
  nowMs: number,
  renewAtMs: number,
  placed: Placed | undefined,
): Run {
  return {
    taskId: item.taskId,
    tenant: item.tenant,
    claim: item.claim,
    fenced: item.fenced,
    takenAtMs: nowMs,
    phasedAtMs: nowMs,
    ackSubject: item.ackSubject,
    spec: item.spec,
    cpu: item.spec?.cpu ?? item.cpu ?? 'medium',
    memory: item.spec?.memory ?? item.memory ?? 'medium',
    placed,
    deadlineAtMs: item.deadlineAtMs,
    token: item.seq,
    attempt: 1,
    phase: 'queued',
    over: undefined,
    failedHere: false,
    doubtful: false,
    check: undefined,
    renewAtMs,
    cancel: undefined,
    streamed: 0,
    unsent: '',
  }
}

/** What attempts of these classes reserve together, in slots' worth. */
export function unitsOf(counts: Readonly<Record<Level, number>>, slots: number): number {
  return LEVELS.reduce((sum, level) => sum + counts[level] * reservationOf(level, slots), 0)
}
