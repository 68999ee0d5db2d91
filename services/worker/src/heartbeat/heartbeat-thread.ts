import { totalmem } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { connectBus, type Bus, type BusOptions } from '@agentfleet/adapters/bus'
import { CHANNELS, inboxPrefix } from '@agentfleet/protocol'
import { createLogger, type LogLevel } from '@agentfleet/runtime/logger'
import { openFigures } from './heartbeat-figures.ts'

/**
 * The thread that sends heartbeats over its own connection, so that a busy main loop does not look like a
 * death.
 *
 * States: connecting → beating → stopped (by the main thread, or with its process). Invariants: it sends
 * nothing while the connection is down; after a silence in which the monitor may have declared the node dead,
 * the next heartbeat has a higher incarnation, which returns the node to service.
 */

/** What the main thread passes to this thread. */
export interface HeartbeatThreadData {
  readonly buffer: SharedArrayBuffer
  readonly nodeId: string
  readonly startedAtMs: number
  readonly intervalMs: number
  readonly logLevel: LogLevel
  readonly nats: Pick<BusOptions, 'url' | 'user' | 'password' | 'tls'>
}

/** Messages to the main thread: heartbeats have begun; the node was silent for too long. */
export type HeartbeatThreadMessage = 'beating' | 'was-silent'

/** Milliseconds; below the 1.4 s of silence after which a monitor may call the node suspect. */
const SILENCE_MS = 1_000
/** Milliseconds. The main loop ticks four times a second; only more than two ticks are a stall. */
const STALL_FROM_MS = 500

const data = workerData as HeartbeatThreadData
const port = parentPort
if (port === null) throw new Error('heartbeat-thread.js must run as a worker thread')
const say = (message: HeartbeatThreadMessage): void => port.postMessage(message)

const figures = openFigures(data.buffer)
const log = createLogger({ service: 'worker', id: data.nodeId, level: data.logLevel })
const bus = await connectBus({
  ...data.nats,
  name: `${data.nodeId}-heartbeat`,
  inboxPrefix: inboxPrefix('worker', data.nodeId),
  log,
})
const measure = createMeasure()
let sentAtMs = performance.now()
// A half-open connection accepts heartbeats that no monitor receives, so earlier heartbeats do not count.
bus.onReconnect(() => {
  sentAtMs = -Infinity
})
heartbeat(bus)
const timer = setInterval(() => heartbeat(bus), data.intervalMs)
port.on('message', () => {
  clearInterval(timer)
  void bus.close().then(() => port.close())
})
say('beating')

function heartbeat(connection: Bus): void {
  measure()
  if (!connection.connected()) return
  const now = performance.now()
  if (now - sentAtMs > Math.max(SILENCE_MS, 2 * data.intervalMs)) {
    figures.raiseIncarnation(Date.now())
    say('was-silent')
  }
  sentAtMs = now
  const { nodeId } = data
  const message = figures.compose(nodeId, data.startedAtMs, Date.now())
  connection.send(CHANNELS.heartbeat, message, { nodeId })
}

/** Measures CPU, memory and the silence of the main loop since the last call. */
function createMeasure(): () => void {
  const limitBytes = memoryLimitBytes()
  let usage = process.cpuUsage()
  let atMs = performance.now()
  let ticks = figures.ticks()
  let tickedAtMs = atMs
  return () => {
    const now = performance.now()
    const used = process.cpuUsage(usage)
    const elapsedMs = Math.max(1, now - atMs)
    usage = process.cpuUsage()
    atMs = now
    if (figures.ticks() !== ticks) {
      ticks = figures.ticks()
      tickedAtMs = now
    }
    const silentMs = now - tickedAtMs
    const rss = process.memoryUsage.rss()
    figures.set({
      cpu: Math.min(1, (used.user + used.system) / 1_000 / elapsedMs),
      memory: Math.min(1, rss / limitBytes),
      memoryBytes: rss,
      stallMs: silentMs > Math.max(STALL_FROM_MS, 2 * data.intervalMs) ? Math.round(silentMs) : 0,
    })
  }
}

/** The base of the heartbeat's memory share: the limit of the container, or the machine's memory, in bytes. */
function memoryLimitBytes(): number {
  const machine = totalmem()
  const container = process.constrainedMemory?.() ?? 0
  // Without a limit some kernels report far more than the machine's memory.
  return container > 0 && container < machine ? container : machine
}
