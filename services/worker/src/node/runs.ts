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
 * The attempts of this node; each holds a slot.
 *
 * Phases of a run: queued (accepted, not started) → beginning (asks the coordinator, a fenced start
 * of L3) → running ⇄ reporting (a report is open) → over. A fast start skips the phase `beginning`.
 * Invariants: a task has one run; a run is over once, for one reason; a run that is over has left
 * the table, nothing of it continues (`cancel` was called), and it neither renews nor acknowledges
 * any more, except once for its own end (L4).
 */

/** The phase of a run. */
export type Phase = 'queued' | 'beginning' | 'running' | 'reporting'

/** Why a run is over: it ended by itself, or something ended it. */
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

/** One attempt on this node. */
export interface Run {
  readonly taskId: string
  readonly tenant: string
  readonly claim: string
  /** The load balancer process that gave it. */
  readonly giver: string
  readonly fenced: boolean
  /** When it was accepted, and after its start when it was started, monotonic. */
  takenAtMs: number
  /** When it entered its phase, monotonic. */
  phasedAtMs: number
  /** The subject on which its pointer is renewed and acknowledged; undefined without a pointer. */
  ackSubject: string | undefined
  spec: TaskSpec | undefined
  readonly cpu: Level
  readonly memory: Level
  /** Why it was placed here, until a report has said so. */
  placed: Placed | undefined
  deadlineAtMs: number
  /** The last log sequence that this run has seen: the expectation of its next report (L3). */
  token: number
  attempt: number
  phase: Phase
  over: Over | undefined
  /** Whether it failed by a fault of this node. */
  failedHere: boolean
  /** The bus was disconnected or the process paused: not renewed until the coordinator confirms it. */
  doubtful: boolean
  /** How often it was doubted: an answer to an earlier question resolves no later doubt. */
  doubts: number
  /** A newer attempt began at this log sequence, while the begin of the run was under way; 0: none is known. */
  stopBefore: number
  /** The question that resolves the doubt; no report leaves before its answer. */
  check: Promise<void> | undefined
  /** When the pointer is renewed next, monotonic. */
  renewAtMs: number
  /** Stops the present call of the run. */
  cancel: (() => void) | undefined
  /** The characters of text published as deltas, and the text that waits. */
  streamed: number
  unsent: string
  /** The end of the published text. */
  written: string
}

/** A dispatched task, with the load balancer process that gave it. */
export type GivenItem = DispatchItem & { readonly giver?: string }

/** The table of runs. */
export type Runs = ReturnType<typeof createRuns>

/** Creates an empty table; `changed` is called whenever a run is added or over. */
export function createRuns(
  changed: (over: Run | undefined) => void,
  monotonicMs: () => number = () => performance.now(),
) {
  const table = createCompactingMap<string, Run>()
  let waiting = 0
  let held = 0
  const cpu = { low: 0, medium: 0, high: 0 }
  const memory = { low: 0, medium: 0, high: 0 }
  const classes = { cpu, memory }
  const waits = (phase: Phase): number => (phase === 'queued' || phase === 'beginning' ? 1 : 0)
  const holds = (phase: Phase): number => (phase === 'running' ? 0 : 1)

  return {
    get: (taskId: string) => table.get(taskId),
    all: (): Iterable<Run> => table.values(),
    size: () => table.size,
    /** Returns the runs that hold a slot and have not begun their work. */
    waiting: () => waiting,
    /** Returns the runs that wait for the node or the coordinator: all except those in phase `running`. */
    held: () => held,
    /** Returns the longest time that one of these has been in its phase, in milliseconds. */
    stuckMs(nowMs: number): number {
      let oldestAtMs = nowMs
      for (const run of table.values()) {
        if (run.phase !== 'running') oldestAtMs = Math.min(oldestAtMs, run.phasedAtMs)
      }
      return nowMs - oldestAtMs
    },
    /** Returns the attempts by requirement class. */
    classes: (): Readonly<Record<'cpu' | 'memory', Readonly<Record<Level, number>>>> => classes,
    add(item: GivenItem, nowMs: number, renewAtMs: number, placed?: Placed): Run {
      const run = createRun(item, nowMs, renewAtMs, placed)
      table.set(run.taskId, run)
      cpu[run.cpu] += 1
      memory[run.memory] += 1
      waiting += 1
      held += 1
      changed(undefined)
      return run
    },
    enter(run: Run, phase: Phase): void {
      if (run.over !== undefined) return
      waiting += waits(phase) - waits(run.phase)
      held += holds(phase) - holds(run.phase)
      run.phase = phase
      run.phasedAtMs = monotonicMs()
    },
    /** Ends a run; returns false if it was already over. */
    end(run: Run, over: Over): boolean {
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
  item: GivenItem,
  nowMs: number,
  renewAtMs: number,
  placed: Placed | undefined,
): Run {
  return {
    taskId: item.taskId,
    tenant: item.tenant,
    claim: item.claim,
    giver: item.giver ?? '',
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
    doubts: 0,
    stopBefore: 0,
    check: undefined,
    renewAtMs,
    cancel: undefined,
    streamed: 0,
    written: '',
    unsent: '',
  }
}

/** Returns what attempts of these classes reserve together, in slots. */
export function unitsOf(counts: Readonly<Record<Level, number>>, slots: number): number {
  return LEVELS.reduce((sum, level) => sum + counts[level] * reservationOf(level, slots), 0)
}
