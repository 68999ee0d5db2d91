import { CHANNELS, type Delta } from '@agentfleet/protocol'
import type { Bus } from '@agentfleet/adapters'
import type { Run } from '../node/runs.ts'

/**
 * Publishes what running attempts write, as hints (L6): pieces of text are collected for each run
 * and published by one timer. Invariants: a piece names attempt, token and offset; a flush
 * publishes a bounded number of pieces, the oldest first, so a busy node sends larger pieces
 * instead of more; a run that is over publishes nothing.
 */
export type Deltas = ReturnType<typeof createDeltas>

/** Milliseconds; readers see about 13 updates in a second. */
const FLUSH_INTERVAL_MS = 75
/** About 6,700 pieces in a second: what one node may add to the bus for readers. */
const PIECES_PER_FLUSH = 500

/** Characters of text of one run that the node keeps for readers who come later. */
const WRITTEN_CHARS_MAX = 32_000
/** Characters of text that all runs of a node may keep together (L7). */
const NODE_CHARS_MAX = 16_000_000

/** Creates the deltas of a node with this number of slots. */
export function createDeltas(bus: Bus, nodeId: string, slots: number) {
  const keptChars = Math.min(WRITTEN_CHARS_MAX, Math.floor(NODE_CHARS_MAX / slots))
  // In insertion order, so the run that has waited longest goes first. Bounded by the slots.
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

  /** Publishes the waiting text of this run. */
  const flush = (run: Run): void => {
    waiting.delete(run)
    const text = run.unsent
    run.unsent = ''
    if (text === '' || run.over !== undefined) return
    publish(run, 'text', text)
    run.streamed += text.length
    run.written = (run.written + text).slice(-keptChars)
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
    started: (run: Run) => publish(run, 'started', ''),
    text(run: Run, text: string): void {
      run.unsent += text
      waiting.add(run)
      timer ??= setTimeout(flushSome, FLUSH_INTERVAL_MS)
    },
    tool(run: Run, name: string): void {
      flush(run)
      publish(run, 'tool', name)
    },
    flush,
    /** The text that this run has written so far, or its end; undefined if it has written nothing. */
    soFar(run: Run): Delta | undefined {
      flush(run)
      if (run.written === '' || run.over !== undefined) return undefined
      const { attempt, token, streamed, written } = run
      const offset = streamed - written.length
      return { kind: 'text', attempt, node: nodeId, seq: token, offset, text: written }
    },
    close(): void {
      clearTimeout(timer)
      waiting.clear()
    },
  }
}
