import type { Store, TaskLog } from '@agentfleet/adapters'
import {
  given,
  isTerminal,
  isTerminalEvent,
  type Fate,
  type TaskEvent,
  type TaskInput,
  type TaskRecord,
} from '@agentfleet/domain'
import { inParallel } from '@agentfleet/runtime'

/**
 * The results of the tasks that another task waits for: from the log, or from Redis if the log was
 * trimmed after their end.
 *
 * Results are bounded (L7): a large result is passed on as a reference, and the last results too if
 * all together are too large.
 */

/** Where results are looked up. */
interface EndingSources {
  readonly taskLog: Pick<TaskLog, 'last'>
  readonly store: Pick<Store, 'load'>
}

/** Bytes; a larger result is passed on as a reference. */
const RESULT_BYTES_MAX = 64 * 1024
/** Bytes of all results of one run: they travel in one message and become part of one prompt. */
const ALL_BYTES_MAX = 512 * 1024
/** Ends that are read at once for one task: each may be a result of a megabyte. */
const PARALLEL = 8

/** Returns the inputs of a run: the results of its dependencies and children that have ended. */
export async function inputsOf(sources: EndingSources, record: TaskRecord): Promise<TaskInput[]> {
  const wanted = [
    ...(record.spec.dependsOn ?? []).map((taskId) => ({ taskId, from: 'dependency' as const })),
    ...record.children.map(({ taskId }) => ({ taskId, from: 'child' as const })),
  ]
  const endings = await inParallel(wanted, PARALLEL, async ({ taskId }) =>
    withoutLarge(await endingOf(sources, taskId)),
  )
  let bytes = 0
  return wanted.map(({ taskId, from }, index): TaskInput => {
    const ending = endings[index]
    if (ending === undefined) {
      return { from, taskId, state: 'unknown', note: 'the task is no longer stored' }
    }
    if (ending.state === 'open')
      return { from, taskId, state: 'unknown', note: 'the task has not ended' }
    const { state, error, result, size } = ending
    if (error !== undefined) return { from, taskId, state, error }
    if (size > RESULT_BYTES_MAX || bytes + size > ALL_BYTES_MAX) {
      const note = `the result has ${size} bytes; read the task with GET /v1/tasks/${taskId}`
      return { from, taskId, state, note }
    }
    bytes += size
    return { from, taskId, state, result: result ?? null }
  })
}

/** Returns how a task ended; undefined if it is no longer stored. */
export async function fateOf(sources: EndingSources, taskId: string): Promise<Fate | undefined> {
  return (await endingOf(sources, taskId))?.state
}

/** Returns how each of these tasks ended, as `read` says; `unfinished` skips tasks that are known not to have. */
export async function fatesOf(
  read: (taskId: string) => Promise<Fate | undefined>,
  taskIds: readonly string[],
  unfinished: (taskId: string) => boolean,
  absent: Fate,
): Promise<Map<string, Fate>> {
  const fates = await inParallel(taskIds, PARALLEL, async (taskId): Promise<[string, Fate]> => {
    if (unfinished(taskId)) return [taskId, 'open']
    return [taskId, (await read(taskId)) ?? absent]
  })
  return new Map(fates)
}

type Ending =
  | { readonly state: 'open' }
  | (Pick<TaskRecord, 'result' | 'error'> & {
      readonly state: 'completed' | 'failed' | 'cancelled'
    })

/** Measures a result and drops a large result at once, so that few large results are in memory. */
function withoutLarge(ending: Ending | undefined) {
  if (ending === undefined || ending.state === 'open') return ending
  const size = Buffer.byteLength(JSON.stringify(ending.result ?? null))
  if (size <= RESULT_BYTES_MAX) return { ...ending, size }
  const { result: _large, ...rest } = ending
  return { ...rest, result: undefined, size }
}

async function endingOf(
  { taskLog, store }: EndingSources,
  taskId: string,
): Promise<Ending | undefined> {
  const last = await taskLog.last(taskId)
  if (last !== undefined) return endingIn(last.event)
  const record = await store.load(taskId)
  if (record === undefined || !isTerminal(record.state)) return undefined
  const { result, error } = record
  const state = record.state as 'completed' | 'failed' | 'cancelled'
  return { state, ...given({ result, error }) }
}

function endingIn(event: TaskEvent): Ending {
  if (!isTerminalEvent(event)) return { state: 'open' }
  switch (event.type) {
    case 'completed':
      return { state: 'completed', result: event.result }
    case 'failed':
      return { state: 'failed', error: event.error }
    case 'cancelled':
      return { state: 'cancelled', error: { code: 'cancelled', message: event.reason } }
  }
}
