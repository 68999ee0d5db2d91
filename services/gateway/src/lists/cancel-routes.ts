import type { Bus, Store } from '@agentfleet/adapters'
import { isTerminal, type TaskFilter, type TaskState } from '@agentfleet/domain'
import { TASK_ID_PATTERN, type BulkCancelPage } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { refusalOf } from '../http/errors.ts'
import { toProblem, wrongField, type Refusal } from '../http/problems.ts'
import { alreadyFinished, requestCancel } from '../tasks/cancel.ts'
import { taskNotFound } from '../tasks/reads.ts'
import { filterOf, listingName, type FilterFields } from './filters.ts'

interface CancelRouteDeps {
  readonly store: Pick<Store, 'search' | 'loadAll'>
  readonly bus: Pick<Bus, 'ask'>
}

interface CancelFields extends FilterFields {
  readonly taskIds?: readonly string[]
  readonly reason?: string
  readonly dryRun: boolean
  readonly limit: number
  readonly cursor?: string
}

interface Chosen {
  readonly taskIds: readonly string[]
  readonly scanned: number
  readonly cursor?: string
}

/** Cancellations of one request that are under way at the same time. */
const PARALLEL = 50
/** Records read together to tell which tasks a dry run would cancel; each may be large. */
const LOAD_AT_ONCE = 100
const UNFINISHED = ['waiting', 'queued', 'running', 'retrying'] as const satisfies TaskState[]

/** Creates the handler of `/v1/tasks:cancel` by operationId. */
export function cancelRoutes({ store, bus }: CancelRouteDeps) {
  async function unfinishedOf(tenant: string, taskIds: readonly string[]): Promise<string[]> {
    const found: string[] = []
    for (let start = 0; start < taskIds.length; start += LOAD_AT_ONCE) {
      const records = await store.loadAll(taskIds.slice(start, start + LOAD_AT_ONCE))
      const open = records.filter((each) => each.tenant === tenant && !isTerminal(each.state))
      found.push(...open.map(({ taskId }) => taskId))
    }
    return found
  }

  async function chosenBy(tenant: string, filter: TaskFilter, fields: CancelFields) {
    const { limit, cursor } = fields
    const listing = listingName('cancel', filter)
    const position = cursor === undefined ? {} : { cursor: decodeCursor(cursor, listing) }
    const page = await store.search({ tenant, filter, limit, ...position })
    const taskIds = page.found.map(({ task }) => task.taskId)
    if (page.cursor === undefined) return { taskIds, scanned: page.scanned }
    const next = encodeCursor({ state: listing, after: page.cursor })
    return { taskIds, scanned: page.scanned, cursor: next }
  }

  async function choose(tenant: string, fields: CancelFields): Promise<Chosen> {
    const { taskIds, reason: _reason, dryRun, limit: _limit, cursor: _cursor, ...asked } = fields
    const filter = filterOf(asked, 'body')
    const given = Object.keys(filter).length
    if (taskIds === undefined) {
      if (given === 0) throw needsFilter()
      return chosenBy(tenant, { states: UNFINISHED, ...filter }, fields)
    }
    if (given > 0)
      throw wrongField(
        '/taskIds',
        'cannot be combined with filters; send either taskIds or filters',
      )
    const ids = [...new Set(taskIds)]
    return { taskIds: dryRun ? await unfinishedOf(tenant, ids) : ids, scanned: ids.length }
  }

  async function cancelOne(tenant: string, taskId: string, reason: string | undefined) {
    try {
      if (!TASK_ID_PATTERN.test(taskId)) throw taskNotFound()
      const outcome = await requestCancel(bus, { taskId, tenant, reason })
      if (outcome === 'finished') throw alreadyFinished('finished')
      return undefined
    } catch (error) {
      return { taskId, problem: toProblem(refusalOf(error as Error)) }
    }
  }

  return {
    async cancelTasks(request: FastifyRequest): Promise<BulkCancelPage> {
      const fields = request.body as CancelFields
      const { tenant } = request
      const { dryRun, reason } = fields
      const { taskIds, scanned, cursor } = await choose(tenant, fields)
      const failed: BulkCancelPage['failed'] = []
      for (let start = 0; !dryRun && start < taskIds.length; start += PARALLEL) {
        const part = taskIds.slice(start, start + PARALLEL)
        const made = await Promise.all(part.map((taskId) => cancelOne(tenant, taskId, reason)))
        failed.push(...made.filter((each) => each !== undefined))
      }
      return {
        dryRun,
        matched: taskIds.length,
        scanned,
        failed,
        taskIds: [...taskIds],
        cancelled: dryRun ? 0 : taskIds.length - failed.length,
        ...(cursor === undefined ? {} : { nextCursor: cursor }),
      }
    },
  }
}

function needsFilter(): Refusal {
  return wrongField(
    '',
    'names no tasks; send taskIds or at least one filter. To cancel every unfinished task, send all four states',
  )
}
