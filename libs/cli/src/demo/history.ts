/**
 * The tasks of a demo as the log tells them. Pure: accepted tasks, kills and events in, figures out.
 *
 * Invariant: a task counts as lost unless the log holds its submission and exactly one ending.
 */

/** One stored event, reduced to what the figures need. */
export interface LoggedEvent {
  readonly taskId: string
  readonly type: string
  /** By the clock of the process that wrote it. */
  readonly atMs: number
  /** By the clock of the log. */
  readonly storedAtMs: number
  /** In an end event: the number of LLM calls of the task whose answers the fleet has stored. */
  readonly llmCalls?: number
}

/** One killed node. */
export interface Kill {
  readonly node: string
  /** Attempts on it by its last heartbeat. */
  readonly running: number
  readonly atMs: number
}

/** The figures of a distribution. */
export interface Spread {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** The measured promises. */
export interface LogFigures {
  readonly accepted: number
  readonly completed: number
  readonly failed: number
  /** Accepted tasks without an ending in the log. */
  readonly lost: number
  /** Tasks with more than one ending. */
  readonly endedTwice: number
  /** LLM calls of the accepted tasks. */
  readonly calls: number
  /** The fleet's share of the time from submission to ending, for tasks that no kill touched, milliseconds. */
  readonly addedMs: Spread
  /** Milliseconds from a kill to the next attempt of each task that the killed node ran. */
  readonly failoverMs: Spread
  readonly seconds: number
}

/** The part of a task's history that is kept: a load of any size fits into memory. */
interface Story {
  submittedAtMs?: number
  endedAtMs?: number
  endings: number
  completed: boolean
  calls: number
  readonly restartsAtMs: number[]
}

/** Collects events of the log. */
export interface History {
  note(event: LoggedEvent): void
  /** Whether the log has an ending of the task. */
  hasEnded(taskId: string): boolean
  /** Tasks with more than one attempt. */
  restarted(): readonly string[]
  figures(llmMsOf: ReadonlyMap<string, number>, kills: readonly Kill[]): LogFigures
}

const ENDINGS = new Set(['completed', 'failed', 'cancelled'])

/** An empty history. */
export function createHistory(): History {
  const stories = new Map<string, Story>()
  return {
    note({ taskId, type, atMs, storedAtMs, llmCalls = 0 }) {
      let story = stories.get(taskId)
      if (story === undefined) {
        story = { endings: 0, completed: false, calls: 0, restartsAtMs: [] }
        stories.set(taskId, story)
      }
      if (type === 'submitted') story.submittedAtMs = atMs
      if (type === 'attempt-started') story.restartsAtMs.push(atMs)
      if (!ENDINGS.has(type)) return
      story.calls = llmCalls
      story.endings += 1
      story.endedAtMs = storedAtMs
      story.completed = type === 'completed'
    },
    hasEnded: (taskId) => (stories.get(taskId)?.endings ?? 0) > 0,
    restarted: () =>
      [...stories].filter(([, { restartsAtMs }]) => restartsAtMs.length > 0).map(([id]) => id),
    figures: (llmMsOf, kills) => figuresOf(stories, llmMsOf, kills),
  }
}

function figuresOf(
  stories: ReadonlyMap<string, Story>,
  llmMsOf: ReadonlyMap<string, number>,
  kills: readonly Kill[],
): LogFigures {
  const sums = { completed: 0, failed: 0, lost: 0, endedTwice: 0, calls: 0 }
  const addedMs: number[] = []
  const failoverMs: number[] = []
  let firstMs = Number.POSITIVE_INFINITY
  let lastMs = 0
  for (const [taskId, llmMs] of llmMsOf) {
    const story = stories.get(taskId)
    sums.calls += story?.calls ?? 0
    if (story?.submittedAtMs === undefined || story.endedAtMs === undefined) {
      sums.lost += 1
      continue
    }
    if (story.completed) sums.completed += 1
    else sums.failed += 1
    if (story.endings > 1) sums.endedTwice += 1
    firstMs = Math.min(firstMs, story.submittedAtMs)
    lastMs = Math.max(lastMs, story.endedAtMs)
    if (story.restartsAtMs.length === 0) {
      addedMs.push(Math.max(0, story.endedAtMs - story.submittedAtMs - llmMs))
    }
    for (const restartMs of story.restartsAtMs) {
      const kill = kills.findLast(({ atMs }) => atMs <= restartMs)
      if (kill !== undefined) failoverMs.push(restartMs - kill.atMs)
    }
  }
  return {
    accepted: llmMsOf.size,
    ...sums,
    addedMs: spreadOf(addedMs),
    failoverMs: spreadOf(failoverMs),
    seconds: lastMs === 0 ? 0 : (lastMs - firstMs) / 1_000,
  }
}

/** Exact quantiles (nearest rank); zeros when there are no values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }
}
