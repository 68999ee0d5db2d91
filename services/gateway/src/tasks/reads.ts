import { isTerminal, type TaskRecord } from '@agentfleet/domain'
import type { Bus, Store, TaskLog } from '@agentfleet/adapters'
import { ServiceError } from '@agentfleet/protocol'
import type { GatewayMetrics } from '../metrics.ts'

/**
 * Reading a task. The store answers only for what the log confirms: its record counts when its
 * sequence is the last one of the task's log, else the log is folded. So a read is never behind what
 * was acknowledged, also with a wiped, lagging or dead store (L8).
 */
export interface Reader {
  /** The task as it is now; undefined when there is none. Throws when the log does not answer. */
  load(taskId: string): Promise<TaskRecord | undefined>
  /** Where queued tasks run as far as the store knows, in the order of the records. */
  nodesOf(records: readonly Pick<TaskRecord, 'taskId' | 'state'>[]): Promise<(string | undefined)[]>
}

/** A healthy store answers in 1 ms; waiting longer for it than folding takes would be pointless. */
const STORE_PATIENCE_MS = 250

/** A reader over these. */
export function createReader(deps: {
  bus: Pick<Bus, 'connected'>
  log: Pick<TaskLog, 'last' | 'record'>
  store: Pick<Store, 'load' | 'inflightNode'>
  metrics: Pick<GatewayMetrics, 'reads'>
}): Reader {
  const { bus, log, store, metrics } = deps
  return {
    async load(taskId) {
      // The connection would try for many seconds; whoever asks can do so as well, and knows of it.
      if (!bus.connected()) throw new ServiceError('bus-unavailable', 'the bus is away')
      const [last, stored] = await Promise.all([log.last(taskId), patient(store.load(taskId))])
      if (last === undefined) {
        // The log was trimmed behind a finished task: nothing follows an ending (L2).
        return stored !== undefined && isTerminal(stored.state) ? stored : undefined
      }
      if (stored?.seq === last.seq) {
        metrics.reads.inc({ source: 'store' })
        return stored
      }
      metrics.reads.inc({ source: 'log' })
      return log.record(taskId)
    },
    async nodesOf(records) {
      const queued = records.filter(({ state }) => state === 'queued').map(({ taskId }) => taskId)
      if (queued.length === 0) return records.map(() => undefined)
      const nodes = (await patient(store.inflightNode(queued))) ?? []
      const byId = new Map(queued.map((taskId, index) => [taskId, nodes[index]]))
      return records.map(({ taskId }) => byId.get(taskId))
    },
  }
}

/** What the store says, or undefined when it fails or is slow: it only ever saves work here. */
async function patient<T>(call: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, STORE_PATIENCE_MS, undefined)
  })
  try {
    return await Promise.race([call.catch(() => undefined), late])
  } finally {
    clearTimeout(timer)
  }
}
