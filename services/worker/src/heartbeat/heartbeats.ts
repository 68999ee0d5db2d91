import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import type { Bus } from '@agentfleet/adapters'
import { CHANNELS, type Heartbeat } from '@agentfleet/protocol'
import { openFigures } from './heartbeat-figures.ts'
import type { HeartbeatThreadData, HeartbeatThreadMessage } from './heartbeat-thread.ts'
import type { Llm } from '../llm/llm.ts'
import { unitsOf, type Run, type Runs } from '../node/runs.ts'

/**
 * Sends the node's figures from two threads: the heartbeat thread at its interval, and this thread
 * soon after a change, so that credits return quickly.
 *
 * States: created → started → closed. Invariants: changes of a busy moment share one heartbeat;
 * heartbeats after `drain` say `draining`.
 */
export interface Heartbeats {
  start(): Promise<void>
  /** Records that a run was added or is over. */
  changed(over: Run | undefined): void
  /** Records that the main loop is alive; called a few times a second. */
  tick(): void
  drain(): void
  /** If this incarnation was declared dead, the node takes a higher one; returns whether it did. */
  riseFrom(deadIncarnation: number): boolean
  /** Returns the present figures. */
  current(): Heartbeat
  lagMs(): number
  close(): Promise<void>
}

/** Dependencies of the heartbeats. */
export interface HeartbeatsDeps {
  readonly bus: Bus
  readonly runs: () => Pick<Runs, 'size' | 'waiting' | 'held' | 'stuckMs' | 'classes' | 'get'>
  readonly progress: () => ReturnType<Llm['progress']>
  readonly slots: number
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly thread: Omit<HeartbeatThreadData, 'buffer'>
  /** Called after a silence so long that other nodes may have taken over its tasks. */
  wasSilent(): void
}

/** Milliseconds; changes within this time share a heartbeat, so at most 50 are sent in a second. */
const CHANGE_HEARTBEAT_MS = 20
/** Tasks named as ended in one message; further ones are not worth the bytes (L6). */
const ENDED_MAX = 4_096
/** The weight of the newest attempt in the mean response time. */
const RESPONSE_WEIGHT = 0.1
/** Milliseconds between the samples of the delay histogram; part of what it measures. */
const DELAY_RESOLUTION_MS = 10
/** The percentile covers the samples of one second. */
const TICKS_PER_LAG = 4
const CLOSE_WITHIN_MS = 1_500

/** Creates the heartbeats of this node; they begin with `start`. */
export function createHeartbeats(deps: HeartbeatsDeps): Heartbeats {
  const { bus, thread } = deps
  const figures = openFigures()
  figures.raiseIncarnation(thread.startedAtMs)
  figures.set({ slots: deps.slots })
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  let worker: Worker | undefined
  let timer: NodeJS.Timeout | undefined
  let sentAtMs = -Infinity
  const counts = createCounts(deps.monotonicMs)
  let ticks = 0

  const current = (): Heartbeat => {
    noteLoad(deps, figures, counts.figures)
    return figures.compose(thread.nodeId, thread.startedAtMs, deps.nowMs())
  }
  const send = (): void => {
    timer = undefined
    sentAtMs = deps.monotonicMs()
    if (!bus.connected()) return
    const heartbeat = current()
    const { nodeId } = thread
    bus.send(CHANNELS.load, { ...heartbeat, ended: counts.takeEnded(deps.runs()) }, { nodeId })
    // The monitor learns at once that the node drains and what is left.
    if (heartbeat.draining) bus.send(CHANNELS.heartbeat, current(), { nodeId })
  }
  // Sends a heartbeat at once after a quiet moment, because a freed slot is idle until it is known;
  // includes the other changes of this turn of the event loop.
  const soon = (): void => {
    timer ??= setTimeout(send, Math.max(0, sentAtMs + CHANGE_HEARTBEAT_MS - deps.monotonicMs()))
  }

  return {
    current,
    lagMs: () => figures.get('lagMs'),
    async start() {
      delay.enable()
      worker = startThread({ ...thread, buffer: figures.buffer }, deps.wasSilent)
      await once(worker, 'message')
    },
    changed(over) {
      if (over !== undefined) counts.add(over)
      soon()
    },
    tick() {
      figures.tick()
      ticks += 1
      noteWork(deps, figures)
      if (ticks % TICKS_PER_LAG !== 0) return
      figures.set({ stuckMs: Math.round(deps.runs().stuckMs(deps.monotonicMs())) })
      const p99 = delay.percentile(99) / 1e6 - DELAY_RESOLUTION_MS
      figures.set({ lagMs: Math.max(0, Math.round(p99 * 10) / 10) })
      delay.reset()
    },
    drain() {
      figures.set({ draining: 1 })
      soon()
    },
    riseFrom(deadIncarnation) {
      if (deadIncarnation < figures.incarnation()) return false
      figures.raiseIncarnation(Math.max(deps.nowMs(), deadIncarnation + 1))
      soon()
      return true
    },
    async close() {
      // The last heartbeat says that nothing runs here any more.
      if (timer !== undefined) {
        clearTimeout(timer)
        send()
      }
      delay.disable()
      await stopThread(worker)
      worker = undefined
    },
  }
}

type Figures = ReturnType<typeof openFigures>

/** Records progress; a run without a call waits for a timer or a tool. */
function noteWork(deps: HeartbeatsDeps, figures: Figures): void {
  const runs = deps.runs()
  const { calling, heard, ended: llmCalls, throttled } = deps.progress()
  const waitingElsewhere = Math.max(0, runs.size() - runs.held() - calling)
  figures.set({ calling, heard, waitingElsewhere, llmCalls, throttled })
}

function noteLoad(deps: HeartbeatsDeps, figures: Figures, ended: Counts['figures']): void {
  const runs = deps.runs()
  const { cpu, memory } = runs.classes()
  figures.set({ active: runs.size(), queued: runs.waiting(), ...ended })
  figures.set({
    reservedCpu: unitsOf(cpu, deps.slots),
    reservedMemory: unitsOf(memory, deps.slots),
  })
  noteWork(deps, figures)
}

type Counts = ReturnType<typeof createCounts>

/** Creates the counts of what has ended on this node. */
function createCounts(monotonicMs: () => number) {
  const figures = { completed: 0, failed: 0, failedHere: 0, responseMs: 0 }
  let ended: string[] = []
  return {
    figures,
    /** Returns the tasks that have ended since the last call; a task whose newer attempt runs here holds a slot. */
    takeEnded(runs: Pick<Runs, 'get'>): string[] {
      const taken = ended.filter((taskId) => runs.get(taskId) === undefined)
      ended = []
      return taken
    },
    add(over: Run): void {
      if (ended.length < ENDED_MAX) ended.push(over.taskId)
      if (over.over === 'completed') {
        figures.completed += 1
        const weight = figures.completed === 1 ? 1 : RESPONSE_WEIGHT
        figures.responseMs += (monotonicMs() - over.takenAtMs - figures.responseMs) * weight
      } else if (over.over === 'failed') {
        figures.failed += 1
      }
      if (over.failedHere) figures.failedHere += 1
    },
  }
}

function startThread(data: HeartbeatThreadData, wasSilent: () => void): Worker {
  // The build compiles heartbeat-thread.ts to this file.
  const worker = new Worker(new URL('./heartbeat-thread.js', import.meta.url), { workerData: data })
  worker.on('message', (message: HeartbeatThreadMessage) => {
    if (message === 'was-silent') wasSilent()
  })
  // An error of the thread is not caught: a node without heartbeats must exit and be restarted.
  return worker
}

async function stopThread(worker: Worker | undefined): Promise<void> {
  if (worker === undefined) return
  const exited = once(worker, 'exit')
  worker.postMessage('stop', [])
  const late = setTimeout(() => void worker.terminate(), CLOSE_WITHIN_MS)
  await exited
  clearTimeout(late)
}
