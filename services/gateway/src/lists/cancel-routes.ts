import type { Bus, Store } from '@agentfleet/adapters'
import { isTerminal, type TaskState } from '@agentfleet/domain'
import { TASK_ID_PATTERN, type BulkCancelPage } from '@agentfleet/protocol'
import { inParallel } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import { refusalOf } from '../http/errors.ts'
import { toProblem, wrongField } from '../http/problems.ts'
import type { Principals } from '../principals/principals.ts'
import { alreadyFinished, requestCancel } from '../tasks/cancel.ts'
import { TASK_NOT_FOUND } from '../tasks/reads.ts'
import { chooseTasks, type ChoiceFields } from './chosen.ts'
import { filterOf, listingName } from './filters.ts'

interface CancelRouteDeps {
  readonly store: Pick<Store, 'search' | 'load'>
  readonly bus: Pick<Bus, 'ask'>
  readonly principals: Pick<Principals, 'requireStanding' | 'refusedPart'>
}

interface CancelFields extends ChoiceFields {
  readonly reason?: string
}

/** Cancellations of one request that are under way at the same time. */
const PARALLEL = 50
const UNFINISHED = ['waiting', 'queued', 'running', 'retrying'] as const satisfies TaskState[]

const NEEDS_FILTER = wrongField(
  '',
  'names no tasks; send taskIds or at least one filter. To cancel every unfinished task, send all four states',
)

/** Creates the handler of `/v1/tasks:cancel` by operationId. */
export function cancelRoutes({ store, bus, principals }: CancelRouteDeps) {
  async function cancelOne(request: FastifyRequest, taskId: string, reason: string | undefined) {
    const { tenant } = request
    try {
      principals.requireStanding(request, 'tasks:write')
      if (!TASK_ID_PATTERN.test(taskId)) throw TASK_NOT_FOUND
      const outcome = await requestCancel(bus, { taskId, tenant, reason })
      if (outcome === 'finished') throw alreadyFinished('finished')
      return undefined
    } catch (error) {
      const refusal = refusalOf(error as Error)
      principals.refusedPart(request, 'cancelTasks', refusal.code)
      return { taskId, problem: toProblem(refusal) }
    }
  }

  return {
    async cancelTasks(request: FastifyRequest): Promise<BulkCancelPage> {
      const fields = request.body as CancelFields
      const { tenant } = request
      const { dryRun, reason } = fields
      if (fields.taskIds === undefined && Object.keys(filterOf(fields, 'body')).length === 0) {
        throw NEEDS_FILTER
      }
      const { taskIds, ...page } = await chooseTasks(store, tenant, fields, {
        listing: (filter) => listingName('cancel', filter),
        states: UNFINISHED,
        fits: ({ state }) => !isTerminal(state),
      })
      const outcomes = await inParallel(dryRun ? [] : taskIds, PARALLEL, (taskId) =>
        cancelOne(request, taskId, reason),
      )
      request.unchanged = taskIds.length === 0
      const failed = outcomes.filter((each) => each !== undefined)
      return {
        dryRun,
        matched: taskIds.length,
        ...page,
        failed,
        taskIds: [...taskIds],
        cancelled: dryRun ? 0 : taskIds.length - failed.length,
      }
    },
  }
}
