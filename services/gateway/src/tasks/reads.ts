import { isTerminal, type TaskRecord } from '@agentfleet/domain'
import type { Bus, Store, TaskLog } from '@agentfleet/adapters'
import { ServiceError, TASK_ID_PATTERN } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'
import type { GatewayMetrics } from '../metrics.ts'
import type { TenantTurns } from '../tenants/turns.ts'

/**
 * Reads tasks. A record in Redis counts only if its sequence is the last one of the task in the
 * log; otherwise the log is folded. A read therefore always includes every acknowledged event, even
 * if Redis is empty, behind or down (L8). Every read takes a turn of the tenant that asks, because a read from the log may
 * hold megabytes.
 */
export type Reader = ReturnType<typeof createReader>

/** Milliseconds. Redis usually answers in 1 ms; a longer wait would cost more than folding. */
const STORE_PATIENCE_MS = 250

/** Refuses an id under which the tenant has no task. */
export const TASK_NOT_FOUND = new Refusal(
  'task-not-found',
  'You have no task with this id. Check the id; ended tasks are kept for a limited time.',
)

/** Creates a reader. */
export function createReader(deps: {
  bus: Pick<Bus, 'connected'>
  log: Pick<TaskLog, 'last' | 'record'>
  store: Pick<Store, 'load' | 'inflightNode'>
  metrics: Pick<GatewayMetrics, 'reads'>
  turns: TenantTurns
}) {
  const { bus, log, store, metrics, turns } = deps

  async function read(taskId: string): Promise<TaskRecord | undefined> {
    // The client can retry better than the connection, which would block for many seconds.
    if (!bus.connected()) throw new ServiceError('bus-unavailable', 'the bus is not connected')
    const [last, stored] = await Promise.all([log.last(taskId), patient(store.load(taskId))])
    if (last === undefined) {
      // The log was trimmed after the task ended, and no event follows the end (L2).
      return stored !== undefined && isTerminal(stored.state) ? stored : undefined
    }
    // Redis has no large texts.
    if (stored?.seq === last.seq && stored.omitted === undefined) {
      metrics.reads.inc({ source: 'store' })
      return stored
    }
    metrics.reads.inc({ source: 'log' })
    return log.record(taskId)
  }

  return {
    /**
     * Returns the task; undefined if it does not exist. Another text than an id finds nothing: with a wildcard of
     * NATS it would name the tasks of all tenants. Throws if the log does not answer.
     */
    async load(taskId: string, tenant: string): Promise<TaskRecord | undefined> {
      if (!TASK_ID_PATTERN.test(taskId)) return undefined
      return turns(tenant, () => read(taskId))
    },
    /** Returns the task with its journal and all its texts, which the log alone has. */
    loadWhole: (taskId: string, tenant: string) => turns(tenant, () => log.record(taskId)),
    /** Returns the nodes of queued tasks as far as Redis knows them, in the order of the records. */
    async nodesOf(records: readonly Pick<TaskRecord, 'taskId' | 'state'>[]) {
      const queued = records.filter(({ state }) => state === 'queued').map(({ taskId }) => taskId)
      if (queued.length === 0) return records.map(() => undefined)
      const nodes = (await patient(store.inflightNode(queued))) ?? []
      const byId = new Map(queued.map((taskId, index) => [taskId, nodes[index]]))
      return records.map(({ taskId }) => byId.get(taskId))
    },
  }
}

/** Returns the answer of Redis, or undefined if Redis fails or is slow. */
export async function patient<T>(call: Promise<T>): Promise<T | undefined> {
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

/** Returns the task that the request names; another tenant's task looks like a task that does not exist. */
export async function ownTask(
  reader: Pick<Reader, 'load'>,
  request: FastifyRequest,
  notFound = TASK_NOT_FOUND,
): Promise<TaskRecord> {
  const { id } = request.params as { id: string }
  const record = await reader.load(id, request.tenant)
  if (record === undefined || record.tenant !== request.tenant) throw notFound
  return record
}

/** Resolves to what is read after a change; if this read fails, the answer must not say that nothing was changed. */
export async function afterChange<T>(read: Promise<T>): Promise<T> {
  try {
    return await read
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(
      'outcome-unknown',
      'The gateway could not read the result of your request, which may have made its change. Send the request again after Retry-After seconds; repeating it is safe.',
    )
  }
}
