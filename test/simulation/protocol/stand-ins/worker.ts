import { CHANNELS, type Heartbeat } from '@agentfleet/protocol'
import type {
  Heartbeats,
  HeartbeatsDeps,
} from '../../../../services/worker/src/heartbeat/heartbeats.ts'
import type { Llm } from '../../../../services/worker/src/llm/llm.ts'
import type { LlmOptions } from '../../../../services/worker/src/llm/request.ts'
import { unitsOf } from '../../../../services/worker/src/node/runs.ts'
import type { WorkerMetrics } from '../../../../services/worker/src/metrics.ts'
import type { Provider } from './provider.ts'
import { NO_METRICS } from './services.ts'

/**
 * The parts of a worker that cannot run in virtual time: the heartbeat thread, the HTTP calls to a provider,
 * and the registry of metrics. Everything else is the product's.
 */

/** Changes within this time share one message, milliseconds; as in the product. */
const CHANGE_MS = 20
const HEARTBEAT_EVERY_MS = 500

/** Heartbeats from the only thread. */
export function createHeartbeats(deps: HeartbeatsDeps): Heartbeats {
  const { bus, thread, slots } = deps
  const { nodeId, startedAtMs } = thread
  let incarnation = startedAtMs
  let version = 0
  let completed = 0
  let failed = 0
  let draining = false
  let ended: string[] = []
  let timer: NodeJS.Timeout | undefined
  let beating: NodeJS.Timeout | undefined

  const current = (): Heartbeat => {
    const runs = deps.runs()
    const { cpu, memory } = runs.classes()
    version += 1
    return {
      nodeId,
      incarnation,
      version,
      slots,
      active: runs.size(),
      queued: runs.waiting(),
      cpu: 0.2,
      memory: 0.2,
      memoryBytes: 1,
      lagMs: 0,
      responseMs: 0,
      completed,
      failed,
      draining,
      startedAtMs,
      atMs: deps.nowMs(),
      reservedCpu: unitsOf(cpu, slots),
      reservedMemory: unitsOf(memory, slots),
    }
  }
  const send = (): void => {
    timer = undefined
    if (!bus.connected()) return
    const left = ended.filter((taskId) => deps.runs().get(taskId) === undefined)
    bus.send(CHANNELS.load, { ...current(), ended: left }, { nodeId })
    ended = []
  }

  return {
    current,
    lagMs: () => 0,
    async start() {
      const heartbeat = (): void => void bus.send(CHANNELS.heartbeat, current(), { nodeId })
      heartbeat()
      beating = setInterval(heartbeat, HEARTBEAT_EVERY_MS)
    },
    changed(over) {
      if (over !== undefined) ended.push(over.taskId)
      if (over?.over === 'completed') completed += 1
      if (over?.over === 'failed') failed += 1
      timer ??= setTimeout(send, CHANGE_MS)
    },
    tick: () => undefined,
    drain() {
      draining = true
      timer ??= setTimeout(send, CHANGE_MS)
    },
    riseFrom(dead) {
      if (dead < incarnation) return false
      incarnation = Math.max(deps.nowMs(), dead + 1)
      return true
    },
    async close() {
      clearTimeout(timer)
      clearInterval(beating)
    },
  }
}

/** Calls to the provider of the history, in place of the shared limits. */
export function createLlm({ node, shared }: LlmOptions): Llm {
  return (shared as unknown as Provider).llmOf(node)
}

/** Metrics that count nothing. */
export const createMetrics = (): WorkerMetrics => NO_METRICS
