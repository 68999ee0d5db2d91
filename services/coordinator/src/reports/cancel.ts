import {
  deadlineError,
  given,
  isTerminal,
  mayRunUnseen,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'
import { CHANNELS } from '@agentfleet/protocol'
import { APPEND_WITHIN_MS } from '../log-limits.ts'
import type { PartDeps } from '../deps.ts'

/** Dependencies for ending a task that was cancelled or reached its deadline. */
export type EndingDeps = Pick<PartDeps, 'bus' | 'taskLog' | 'pointers' | 'store' | 'log' | 'nowMs'>

/** Compare-and-set rounds; a running task appends a call now and then, and each costs one more round. */
const CANCEL_TRIES = 8

/** The outcome of a request to cancel. */
type CancelOutcome = 'cancelled' | 'finished' | 'not-found' | 'unavailable'

interface CancelRequest {
  readonly taskId: string
  readonly tenant: string
  readonly reason: string
}

/** Cancels a task for its owner when it is the turn of its tenant. */
export type Cancel = (request: CancelRequest) => Promise<CancelOutcome>

/** Cancels a task for its owner. */
export async function cancelTask(deps: EndingDeps, request: CancelRequest): Promise<CancelOutcome> {
  for (let tries = 0; tries < CANCEL_TRIES; tries += 1) {
    const record = await deps.taskLog.record(request.taskId)
    if (record === undefined || record.tenant !== request.tenant) return 'not-found'
    if (record.state === 'cancelled') return 'cancelled'
    if (isTerminal(record.state)) return 'finished'
    const node = await runningOn(deps, record)
    const { attempt } = record
    const event = {
      type: 'cancelled',
      atMs: deps.nowMs(),
      reason: request.reason,
      ...(node === undefined ? {} : { attempt, node }),
    } as const
    const outcome = await end(deps, record, event)
    if (outcome === 'stored') return 'cancelled'
    if (outcome === 'unknown') return 'unavailable'
  }
  return 'unavailable'
}

/** Fails a task at its deadline; after a conflict another writer has moved the task on. */
export async function expireTask(deps: EndingDeps, record: TaskRecord): Promise<void> {
  const { attempt } = record
  const node = await runningOn(deps, record)
  const event = {
    type: 'failed',
    atMs: deps.nowMs(),
    attempt,
    error: deadlineError(record),
    ...given({ node }),
  } as const
  await end(deps, record, event)
}

/**
 * The node that runs the task. Of a first attempt that has stored nothing only Redis knows the node; without Redis the
 * event does not name it.
 */
async function runningOn({ store }: EndingDeps, record: TaskRecord): Promise<string | undefined> {
  if (record.state === 'running') return record.node
  return mayRunUnseen(record) ? notedNode(store, record.taskId) : undefined
}

async function notedNode(store: PartDeps['store'], taskId: string): Promise<string | undefined> {
  const [noted] = await store.inflightNode([taskId]).catch(() => [undefined])
  return noted
}

async function end(
  deps: EndingDeps,
  record: TaskRecord,
  event: TaskEvent,
): Promise<'stored' | 'conflict' | 'unknown'> {
  const { taskId } = record
  const outcome = await deps.taskLog.append(taskId, event, {
    expectSeq: record.seq,
    messageId: `${taskId}.${record.seq}.${event.type}`,
    deadlineMs: APPEND_WITHIN_MS,
  })
  if (outcome.kind === 'full') return 'unknown'
  if (outcome.kind !== 'stored') return outcome.kind
  await cleanUp(deps, record)
  return 'stored'
}

/** Tells the node to stop and removes the pointer; the follower's sweep repeats what fails here. */
async function cleanUp(deps: EndingDeps, record: TaskRecord): Promise<void> {
  const { taskId, tenant, spec } = record
  try {
    const nodeId = (await notedNode(deps.store, taskId)) ?? record.node
    // The in-flight note appears a moment after the start; until then only the node itself knows.
    const stop = { taskIds: [taskId] }
    if (nodeId === undefined) deps.bus.send(CHANNELS.stopAnywhere, stop)
    else deps.bus.send(CHANNELS.stop, stop, { nodeId })
    await deps.pointers.remove(spec.priority, tenant, taskId)
  } catch (error) {
    deps.log.warn(
      { err: error, taskId },
      'The coordinator could not remove the pointer of an ended task; it tries again later',
    )
  }
}
