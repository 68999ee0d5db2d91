import { syncBuiltinESMExports } from 'node:module'
import timersPromises from 'node:timers/promises'
import { createHeap } from '@agentfleet/domain'

/**
 * Virtual time for code that uses the timers and clocks of Node.
 *
 * Every event is an entry of one queue, in order of its time, then of its creation. An entry belongs to a
 * process; timers and messages of its code belong to the same process. Between two entries every promise
 * settles, so one seed always gives one history. Invariants: time never goes back; a crashed process runs no
 * further code; a frozen process runs its missed entries when it thaws.
 */
export interface VirtualTime {
  /** Milliseconds since the start of the history. */
  nowMs(): number
  /** Puts an entry into the queue. */
  at(atMs: number, owner: Process, run: () => void): void
  /** Runs entries until the condition holds, the queue is empty, or this time is reached. */
  run(done: () => boolean, untilMs: number): Promise<void>
  /** Entries run so far. */
  steps(): number
}

/** One process of the simulated fleet, as the scheduler sees it. */
export interface Process {
  readonly id: string
  alive: boolean
  /** Its entries leave no promise to settle, so the next entry runs in the same turn. */
  readonly settled: boolean
  /** Frozen (SIGSTOP) until this time. */
  frozenUntilMs: number
  /** The error of its wall clock, milliseconds. */
  clockOffsetMs: number
  /** Its own source of randomness. */
  readonly random: () => number
}

/** A machine whose timers and clocks are virtual until it is closed. */
export interface VirtualMachine {
  /** Forgets everything, and starts at 0. */
  restart(): VirtualTime
  /** Restores the timers and clocks of Node. */
  close(): void
}

/** Epoch time at which every history begins. */
export const EPOCH_MS = 1_800_000_000_000

/** Turns of the real event loop that are requested at once: each runs one entry. */
const TURNS = 32
/**
 * Shortest period of a repeated timer, milliseconds. Services check their state ten times a second although
 * they also receive every change; a slower check makes a history cheaper and changes no outcome, as a late
 * turn of a busy event loop does not.
 */
const PERIOD_MIN_MS = 400

class Entry {
  atMs: number
  order: number
  readonly owner: Process
  run: (() => void) | undefined
  readonly everyMs: number

  constructor(atMs: number, order: number, owner: Process, everyMs: number, run: () => void) {
    this.atMs = atMs
    this.order = order
    this.owner = owner
    this.everyMs = everyMs
    this.run = run
  }

  before(other: Entry): boolean {
    return this.atMs < other.atMs || (this.atMs === other.atMs && this.order < other.order)
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

type Run = (...args: unknown[]) => void

/** Replaces the timers and clocks of Node. */
export function openVirtualMachine(): VirtualMachine {
  const real = {
    timers: {
      setTimeout: globalThis.setTimeout,
      clearTimeout: globalThis.clearTimeout,
      setInterval: globalThis.setInterval,
      clearInterval: globalThis.clearInterval,
      setImmediate: globalThis.setImmediate,
      clearImmediate: globalThis.clearImmediate,
    },
    dateNow: Date.now,
    performanceNow: performance.now,
    random: Math.random,
    pause: timersPromises.setTimeout,
  }
  let scheduler = createScheduler(real.timers.setImmediate)
  const timer = (run: () => void, ms: number, everyMs = 0): Entry =>
    scheduler.timer(run, ms, everyMs)
  const cancel = (entry: Entry | undefined): void => {
    if (entry instanceof Entry) entry.run = undefined
  }
  const least = (ms: number | undefined): number => Math.max(1, ms || 0)
  const pause = <V>(ms?: number, value?: V, options?: { signal?: AbortSignal }): Promise<V> =>
    new Promise((resolve, reject) => {
      const entry = timer(() => resolve(value as V), least(ms))
      options?.signal?.addEventListener('abort', () => {
        cancel(entry)
        reject(options.signal?.reason as Error)
      })
    })
  Object.assign(globalThis, {
    setTimeout: (run: Run, ms?: number, ...args: unknown[]) => timer(() => run(...args), least(ms)),
    clearTimeout: cancel,
    setInterval: (run: Run, ms?: number, ...args: unknown[]) => {
      const everyMs = Math.max(PERIOD_MIN_MS, least(ms))
      return timer(() => run(...args), everyMs, everyMs)
    },
    clearInterval: cancel,
    setImmediate: (run: Run, ...args: unknown[]) => timer(() => run(...args), 0),
    clearImmediate: cancel,
  })
  Date.now = () =>
    EPOCH_MS + Math.floor(scheduler.time.nowMs()) + (scheduler.current()?.clockOffsetMs ?? 0)
  performance.now = () => scheduler.time.nowMs()
  Math.random = () => scheduler.current()?.random() ?? 0.5
  timersPromises.setTimeout = pause as typeof real.pause
  syncBuiltinESMExports()
  return {
    restart() {
      scheduler = createScheduler(real.timers.setImmediate)
      return scheduler.time
    },
    close() {
      Object.assign(globalThis, real.timers)
      Date.now = real.dateNow
      performance.now = real.performanceNow
      Math.random = real.random
      timersPromises.setTimeout = real.pause
      syncBuiltinESMExports()
    },
  }
}

function createScheduler(nextTurn: (run: () => void) => unknown) {
  const queue = createHeap<Entry>((a, b) => a.before(b))
  let nowMs = 0
  let order = 0
  let steps = 0
  let current: Process | undefined

  /** Runs the next entries, up to one that may leave promises; false when there is none or all is done. */
  const step = (done: () => boolean, untilMs: number): boolean => {
    while (!done()) {
      const entry = queue.first()
      if (entry === undefined || entry.atMs > untilMs) return false
      queue.pop()
      const { owner, run } = entry
      if (run === undefined || !owner.alive) continue
      if (owner.frozenUntilMs > entry.atMs) {
        entry.atMs = owner.frozenUntilMs
        queue.push(entry)
        continue
      }
      nowMs = Math.max(nowMs, entry.atMs)
      steps += 1
      current = owner
      if (entry.everyMs > 0) {
        entry.atMs = nowMs + entry.everyMs
        entry.order = order++
        queue.push(entry)
      }
      run()
      if (!owner.settled) return true
    }
    return false
  }

  const runUntil = (done: () => boolean, untilMs: number): Promise<void> =>
    new Promise((resolve, reject) => {
      let waiting = 0
      let over = false
      const end = (settle: () => void): void => {
        over = true
        current = undefined
        settle()
      }
      // Node settles every promise between two of these turns.
      const turn = (): void => {
        waiting -= 1
        if (over) return
        try {
          if (!step(done, untilMs)) return end(resolve)
        } catch (error) {
          return end(() => reject(error as Error))
        }
        if (waiting === 0) ask()
      }
      const ask = (): void => {
        waiting = TURNS
        for (let turns = 0; turns < TURNS; turns += 1) nextTurn(turn)
      }
      ask()
    })

  const time: VirtualTime = {
    nowMs: () => nowMs,
    at: (atMs, owner, run) => queue.push(new Entry(Math.max(nowMs, atMs), order++, owner, 0, run)),
    steps: () => steps,
    run: runUntil,
  }
  return {
    time,
    current: () => current,
    timer(run: () => void, ms: number, everyMs: number): Entry {
      if (current === undefined) throw new Error('a timer was set outside of the simulation')
      const entry = new Entry(nowMs + ms, order++, current, everyMs, run)
      queue.push(entry)
      return entry
    },
  }
}
