import { CHANNELS, type Delta } from '@agentfleet/protocol'
import type { Bus } from '@agentfleet/adapters'
import type { Run } from '../node/runs.ts'

/**
 * What running attempts stream, as hints (L6): pieces of text are gathered per run and published by
 * one timer for all. Invariants: a piece names attempt, token and offset; a flush publishes a bounded
 * number of pieces, the oldest first, so that a busy node sends larger pieces, not more of them; what
 * is over streams nothing more.
 */
export interface Deltas {
  started(run: Run): void
  text(run: Run, text: string): void
  tool(run: Run, name: string): void
  /** Publishes what still waits of this run. */
  flush(run: Run): void
  close(): void
}

/** Readers see text move at about 13 steps a second. */
const FLUSH_INTERVAL_MS = 75
/** About 6,700 pieces a second: what one node may add to the bus for the eyes of readers. */
const PIECES_PER_FLUSH = 500

/** Streams over this connection. */
export function createDeltas(bus: Bus, nodeId: string): Deltas {
  // Insertion order: who waited longest goes first. Bounded by the slots.
  const waiting = new Set<Run>()
  let timer: NodeJS.Timeout | undefined

  const publish = (run: Run, kind: Delta['kind'], text: string): void => {
    const delta: Delta = {
      kind,
      attempt: run.attempt,
      node: nodeId,
      seq: run.token,
      offset: run.streamed,
      text,
    }
    if (bus.connected()) bus.send(CHANNELS.delta, delta, { taskId: run.taskId })
  }

  const flush = (run: Run): void => {
    waiting.delete(run)
    const text = run.unsent
    run.unsent = ''
    if (text === '' || run.over !== undefined) return
    publish(run, 'text', text)
    run.streamed += text.length
  }

  const flushSome = (): void => {
    timer = undefined
    let pieces = 0
    for (const run of waiting) {
      if (pieces >= PIECES_PER_FLUSH) break
      flush(run)
      pieces += 1
    }
    if (waiting.size > 0) timer = setTimeout(flushSome, FLUSH_INTERVAL_MS)
  }

  return {
    started: (run) => publish(run, 'started', ''),
    text(run, text) {
      run.unsent += text
      waiting.add(run)
      timer ??= setTimeout(flushSome, FLUSH_INTERVAL_MS)
    },
    tool(run, name) {
      flush(run)
      publish(run, 'tool', name)
    },
    flush,
    close() {
      clearTimeout(timer)
      waiting.clear()
    },
  }
}
