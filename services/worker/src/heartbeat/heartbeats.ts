import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import type { Bus } from '@agentfleet/adapters'
import { CHANNELS, type Heartbeat, type Load } from '@agentfleet/protocol'
import { openFigures } from './heartbeat-figures.ts'
import type { HeartbeatThreadData, HeartbeatThreadMessage } from './heartbeat-thread.ts'
import type { Llm } from '../llm/llm.ts'
import { unitsOf, type Run, type Runs } from '../node/runs.ts'

/**
 * The node's figures, said by two: the heartbeat thread at its interval, and this thread soon after a
 * change, so that credits come back quickly.
 *
 * States: made → started → closed. Invariants: changes of a busy moment share one heartbeat; what is sent
 * after `drain` says `draining`.
 */
export interface Heartbeats {
  start(): Promise<void>
  /** A run was added or is over. */
  changed(over: Run | undefined): void
  /** The main loop lives; called a few times a second. */
  tick(): void
  drain(): void
  /** An incarnation was declared dead: if it is this one, the node comes back with a higher one. */
  riseFrom(deadIncarnation: number): boolean
  /** The figures as they are now. */
  current(): Heartbeat
  lagMs(): number
  close(): Promise<void>
}

/** What beating needs. */
export interface HeartbeatsDeps {
  readonly bus: Bus
  readonly runs: () => Pick<Runs, 'size' | 'waiting' | 'held' | 'stuckMs' | 'classes'>
  readonly progress: () => ReturnType<Llm['progress']>
  readonly slots: number
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly thread: Omit<HeartbeatThreadData, 'buffer'>
  /** The node was silent for so long that others may have taken over its tasks. */
  wasSilent(): void
}

/** Changes within this time of a heartbeat share the next one, milliseconds: 50 heartbeats a second at the most. */
const CHANGE_HEARTBEAT_MS = 20
/** Tasks named as ended in one message; the rest is not worth its bytes (L6). */
const ENDED_MAX = 4_096
/** Weight of the newest attempt in the mean response time. */
const RESPONSE_WEIGHT = 0.1
/** The delay's histogram samples at this interval, which is part of what it measures. */
const DELAY_RESOLUTION_MS = 10
/** The percentile is taken of a second's samples. */
const TICKS_PER_LAG = 4
const CLOSE_WITHIN_MS = 1_500

/** The heartbeats of this node, silent until they are started. */
export function createHeartbeats(deps: HeartbeatsDeps): Heartbeats {
  const { bus, thread } = deps
  const figures = openFigures()
  figures.raiseIncarnation(thread.startedAtMs)
  figures.set({ slots: deps.slots })
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  let worker: Worker | undefined
  let timer: NodeJS.Timeout | undefined
  let sentAtMs = -Infinity
  let completed = 0
  let failed = 0
  let failedHere = 0
  let responseMs = 0
  let ticks = 0
  let ended: string[] = []

  /** What runs and is no call waits for a timer or a tool. */
  const noteWork = (): void => {
    const runs = deps.runs()
    const { calling, heard, ended: llmCalls, throttled } = deps.progress()
    const waitingElsewhere = Math.max(0, runs.size() - runs.held() - calling)
    figures.set({ calling, heard, waitingElsewhere, llmCalls, throttled })
  }
  const current = (): Heartbeat => {
    const runs = deps.runs()
    const { cpu, memory } = runs.classes()
    figures.set({ active: runs.size(), queued: runs.waiting(), completed, failed, responseMs })
    figures.set({
      failedHere,
      reservedCpu: unitsOf(cpu, deps.slots),
      reservedMemory: unitsOf(memory, deps.slots),
    })
    noteWork()
    return figures.compose(thread.nodeId, thread.startedAtMs)
  }
  const send = (): void => {
    timer = undefined
    sentAtMs = deps.monotonicMs()
    if (!bus.connected()) return
    const heartbeat = current()
    const load: Load = { ...heartbeat, ended }
    ended = []
    const { nodeId } = thread
    bus.send(CHANNELS.load, load, { nodeId })
    // That it drains, and what is left, the monitor hears at once.
    if (heartbeat.draining) bus.send(CHANNELS.heartbeat, current(), { nodeId })
  }
  // A freed slot is idle until it is known: after a quiet moment that is said at once, with what
  // else this turn of the loop brings.
  const soon = (): void => {
    const sinceMs = deps.monotonicMs() - sentAtMs
    timer ??= setTimeout(send, Math.max(0, CHANGE_HEARTBEAT_MS - sinceMs))
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
      if (over !== undefined && ended.length < ENDED_MAX) ended.push(over.taskId)
      if (over?.over === 'completed') {
        completed += 1
        const tookMs = deps.monotonicMs() - over.takenAtMs
        responseMs += (tookMs - responseMs) * (completed === 1 ? 1 : RESPONSE_WEIGHT)
      } else if (over?.over === 'failed') {
        failed += 1
      }
      if (over?.failedHere === true) failedHere += 1
      soon()
    },
    tick() {
      figures.tick()
      ticks += 1
      noteWork()
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
      // The last word is that nothing runs here any more.
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

function startThread(data: HeartbeatThreadData, wasSilent: () => void): Worker {
  // The file that the build makes of heartbeat-thread.ts.
  const worker = new Worker(new URL('./heartbeat-thread.js', import.meta.url), { workerData: data })
  worker.on('message', (message: HeartbeatThreadMessage) => {
    if (message === 'was-silent') wasSilent()
  })
  // An error of the thread is not caught: a node that cannot heartbeat ends, and is started anew.
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
