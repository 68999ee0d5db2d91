/**
 * Counts every call, so that a test can tell which calls were requested, paid for and paid for twice.
 *
 * C1 started = finished + aborted + failed + in flight, in total, per model and per call key.
 * C2 a refused call (4xx, 429, 5xx) is never started: it costs nothing.
 * C3 memory is bounded: models beyond the limit are counted together, the oldest task is forgotten.
 */
import type { FaultKind } from '../settings/faults.ts'

/** How a started call ended: whole, given up by its client, or broken by the simulator. */
export type CallOutcome = 'finished' | 'aborted' | 'failed'

/** Why a call was refused: by a budget, a fault or script, the in-flight limit, or as invalid. */
export type RefusalKind = 'limited' | 'injected' | 'overloaded' | 'invalid'

/** Counts of a group of calls. */
export interface CallCounts {
  started: number
  finished: number
  aborted: number
  failed: number
  refused: number
}

interface KeyCounts extends CallCounts {
  firstFinishedAtMs?: number
  lastStartedAtMs?: number
}

/** Counts of one step of a task, and when it was paid for first and asked for last, in epoch milliseconds. */
export interface StepCounts extends Readonly<KeyCounts> {
  readonly step: string
}

/** Counts since the simulator started or was reset. */
export interface SimulatorStats extends Readonly<CallCounts> {
  readonly simulated: true
  readonly inFlight: number
  readonly inFlightPeak: number
  /** Tokens of the prompts of started calls, and tokens sent. */
  readonly promptTokens: number
  readonly completionTokens: number
  readonly refusals: Readonly<Record<RefusalKind, number>>
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  /** Streams dropped because their client did not read. */
  readonly stalledClients: number
  readonly models: Readonly<Record<string, Readonly<CallCounts>>>
  /** Calls with the header `x-task-id`: the idempotency keys that were started or finished more than once. */
  readonly keyed: {
    readonly tasks: number
    readonly tasksForgotten: number
    readonly keys: number
    readonly startedTwice: number
    readonly finishedTwice: number
  }
}

/** The task and step that a call is made for. */
export interface CallKey {
  readonly taskId: string
  readonly step: string
}

/** A started call. */
export interface Call {
  readonly model: CallCounts
  readonly key: KeyCounts | undefined
  readonly epoch: number
}

/** The counters of a simulator. */
export type Ledger = ReturnType<typeof createLedger>

/** Distinct model names counted apart; parametric names could otherwise grow without end. */
const MODELS_MAX = 1_000
/** Steps of one task counted apart, well above any agent's limit of turns. */
const STEPS_PER_TASK_MAX = 10_000
const OTHERS = '(others)'

/** Creates counters that remember as many tasks as the function returns. */
export function createLedger(tasksMax: () => number, nowMs: () => number) {
  let book = emptyBook()
  let inFlight = 0
  let epoch = 0

  const countsOf = (key: CallKey | undefined): KeyCounts | undefined =>
    key === undefined ? undefined : stepCounts(book, key, tasksMax())

  const begin = (name: string, key: CallKey | undefined, promptTokens: number): Call => {
    const model = countsIn(book.models, name, MODELS_MAX) // C3
    const call: Call = { model, key: countsOf(key), epoch }
    book.total.started += 1
    call.model.started += 1
    if (call.key !== undefined) {
      call.key.started += 1
      call.key.lastStartedAtMs = nowMs()
      if (call.key.started === 2) book.keyed.startedTwice += 1
    }
    book.promptTokens += promptTokens
    inFlight += 1
    book.inFlightPeak = Math.max(book.inFlightPeak, inFlight)
    return call
  }

  const end = (call: Call, outcome: CallOutcome, tokens: number, stalled: boolean): void => {
    inFlight -= 1
    // A call from before the last reset has no start to be matched with (C1).
    if (call.epoch !== epoch) return
    book.total[outcome] += 1
    call.model[outcome] += 1
    if (call.key !== undefined) {
      call.key[outcome] += 1
      if (outcome === 'finished') call.key.firstFinishedAtMs ??= nowMs()
      if (outcome === 'finished' && call.key.finished === 2) book.keyed.finishedTwice += 1
    }
    book.completionTokens += tokens
    if (stalled) book.stalledClients += 1
  }

  const refuse = (kind: RefusalKind, name?: string, key?: CallKey): void => {
    book.refusals[kind] += 1
    book.total.refused += 1
    if (name !== undefined) countsIn(book.models, name, MODELS_MAX).refused += 1
    const counts = countsOf(key)
    if (counts !== undefined) counts.refused += 1
  }

  /** How often a call with this key, or else of this model, was started or refused. */
  const seen = (name: string, key: CallKey | undefined): number => {
    const { models, tasks } = book
    const counts = key === undefined ? models.get(name) : tasks.get(key.taskId)?.get(key.step)
    return counts === undefined ? 0 : counts.started + counts.refused
  }

  return {
    inFlight: () => inFlight,
    seen,
    begin,
    end,
    refuse,
    fault(kind: FaultKind): void {
      book.faults[kind] = (book.faults[kind] ?? 0) + 1
    },
    stats: () => statsOf(book, inFlight),
    /** The steps of one task, in the order of their first call. */
    callsOf: (taskId: string): StepCounts[] =>
      Array.from(book.tasks.get(taskId) ?? [], ([step, counts]) => ({ step, ...counts })),
    /** Keys started more than once, at most `limit`. */
    repeated: (limit: number) => repeatedKeys(book, limit),
    /** Forgets all but the calls in flight. */
    reset(): void {
      book = { ...emptyBook(), inFlightPeak: inFlight }
      epoch += 1
    },
  }
}

type Book = ReturnType<typeof emptyBook>

function emptyBook() {
  return {
    total: emptyCounts(),
    refusals: { limited: 0, injected: 0, overloaded: 0, invalid: 0 },
    faults: {} as Partial<Record<FaultKind, number>>,
    models: new Map<string, CallCounts>(),
    tasks: new Map<string, Map<string, KeyCounts>>(),
    keyed: { tasksForgotten: 0, keys: 0, startedTwice: 0, finishedTwice: 0 },
    inFlightPeak: 0,
    promptTokens: 0,
    completionTokens: 0,
    stalledClients: 0,
  }
}

function emptyCounts(): CallCounts {
  return { started: 0, finished: 0, aborted: 0, failed: 0, refused: 0 }
}

function stepCounts(book: Book, key: CallKey, tasksMax: number): KeyCounts {
  let steps = book.tasks.get(key.taskId)
  if (steps === undefined) {
    if (book.tasks.size >= tasksMax) forgetOldestTask(book) // C3
    steps = new Map()
    book.tasks.set(key.taskId, steps)
  }
  const before = steps.size
  const counts = countsIn(steps, key.step, STEPS_PER_TASK_MAX)
  book.keyed.keys += steps.size - before
  return counts
}

function forgetOldestTask(book: Book): void {
  for (const [taskId, steps] of book.tasks) {
    book.tasks.delete(taskId)
    book.keyed.keys -= steps.size
    book.keyed.tasksForgotten += 1
    return
  }
}

function countsIn(group: Map<string, CallCounts>, name: string, max: number): CallCounts {
  const known = group.get(name)
  if (known !== undefined) return known
  if (group.size >= max && name !== OTHERS) return countsIn(group, OTHERS, max)
  const counts = emptyCounts()
  group.set(name, counts)
  return counts
}

function statsOf(book: Book, inFlight: number): SimulatorStats {
  const { total, refusals, faults, models, tasks, keyed, ...counts } = book
  return {
    simulated: true,
    ...total,
    inFlight,
    ...counts,
    refusals: { ...refusals },
    faults: { ...faults },
    models: Object.fromEntries(Array.from(models, ([name, of]) => [name, { ...of }])),
    keyed: { tasks: tasks.size, ...keyed },
  }
}

function repeatedKeys(book: Book, limit: number): (StepCounts & { taskId: string })[] {
  const found: (StepCounts & { taskId: string })[] = []
  for (const [taskId, steps] of book.tasks) {
    for (const [step, counts] of steps) {
      if (counts.started < 2) continue
      if (found.length === limit) return found
      found.push({ taskId, step, ...counts })
    }
  }
  return found
}
