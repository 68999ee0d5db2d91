import { createHeap } from '@agentfleet/domain'

/**
 * Virtual time: the earliest planned event happens next. Invariant: two events of the same time happen in
 * the order in which they were planned, so the seed alone decides a run.
 */
export interface VirtualClock {
  nowMs(): number
  after(delayMs: number, act: () => void): void
  run(untilMs: number): void
}

interface Due {
  readonly atMs: number
  readonly order: number
  readonly act: () => void
}

/** Creates a clock at zero with nothing planned. */
export function createVirtualClock(): VirtualClock {
  const planned = createHeap(isBefore)
  let nowMs = 0
  let order = 0

  return {
    nowMs: () => nowMs,
    after(delayMs, act) {
      planned.push({ atMs: nowMs + delayMs, order: (order += 1), act })
    },
    run(untilMs) {
      for (let due = planned.first(); due && due.atMs <= untilMs; due = planned.first()) {
        planned.pop()
        nowMs = due.atMs
        due.act()
      }
      nowMs = untilMs
    },
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
