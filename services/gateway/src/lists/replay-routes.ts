import type { Store } from '@agentfleet/adapters'
import { isTerminal, type Principal, type TaskFilter, type TaskRecord } from '@agentfleet/domain'
import type { ReplayPage, ReplayResult } from '@agentfleet/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { refusalOf } from '../http/errors.ts'
import { requireAgent } from '../principals/allowed-agents.ts'
import { submitterOf } from '../principals/submitter.ts'
import { toProblem, wrongField } from '../http/problems.ts'
import { ownTask, taskNotFound, type Reader } from '../tasks/reads.ts'
import type { ReplayFrom, Replays } from '../tasks/replays.ts'
import { taskView } from '../tasks/views.ts'
import { filterOf, listingName, type FilterFields } from './filters.ts'

interface ReplayRouteDeps {
  readonly replays: Replays
  readonly reader: Reader
  readonly store: Pick<Store, 'search' | 'loadAll'>
}

interface ReplayFields extends FilterFields {
  readonly taskIds?: readonly string[]
  readonly from: ReplayFrom
  readonly dryRun: boolean
  readonly limit: number
  readonly cursor?: string
}

interface Chosen {
  readonly taskIds: readonly string[]
  readonly scanned: number
  readonly nextCursor?: string
}

type Caller = Pick<FastifyRequest, 'principal'>

/** Records read together; each may be large. */
const PAGE = 100
/** Replays of one request that are stored in parallel. */
const PARALLEL = 50

/** Creates the handlers of `/v1/tasks/{id}/replay` and `/v1/tasks:replay` by operationId. */
export function replayRoutes({ replays, reader, store }: ReplayRouteDeps) {
  async function replayOne(
    record: TaskRecord,
    from: ReplayFrom,
    key: string | undefined,
    caller: Caller,
  ): Promise<ReplayResult> {
    const { taskId } = record
    try {
      requireReplay(caller.principal, record)
      const outcome = await replays.replay(record, from, key, submitterOf(caller))
      if (outcome.kind === 'refused') throw outcome.refusal
      const ended = isTerminal(outcome.record.state)
      return { replayOf: taskId, status: ended ? 200 : 202, taskId: outcome.record.taskId }
    } catch (error) {
      const problem = toProblem(refusalOf(error as Error))
      return { replayOf: taskId, status: problem.status, problem }
    }
  }

  async function replayAll(
    records: readonly TaskRecord[],
    from: ReplayFrom,
    key: string | undefined,
    caller: Caller,
  ): Promise<ReplayResult[]> {
    const results: ReplayResult[] = []
    for (let start = 0; start < records.length; start += PARALLEL) {
      const part = records.slice(start, start + PARALLEL)
      const made = part.map((record) =>
        replayOne(record, from, key === undefined ? undefined : `${key} ${record.taskId}`, caller),
      )
      results.push(...(await Promise.all(made)))
    }
    return results
  }

  async function endedOf(tenant: string, taskIds: readonly string[]): Promise<string[]> {
    const found: string[] = []
    for (let start = 0; start < taskIds.length; start += PAGE) {
      const records = await store.loadAll(taskIds.slice(start, start + PAGE))
      const ended = records.filter((each) => each.tenant === tenant && isTerminal(each.state))
      found.push(...ended.map(({ taskId }) => taskId))
    }
    return found
  }

  async function chosenBy(tenant: string, filter: TaskFilter, fields: ReplayFields) {
    const { from, limit, cursor } = fields
    const listing = listingName('replay', { filter, from })
    const position = cursor === undefined ? {} : { cursor: decodeCursor(cursor, listing) }
    const page = await store.search({ tenant, filter, limit, lookedAtMax: limit, ...position })
    const taskIds = page.found.map(({ task }) => task.taskId)
    if (page.cursor === undefined) return { taskIds, scanned: page.scanned }
    const nextCursor = encodeCursor({ state: listing, after: page.cursor })
    return { taskIds, scanned: page.scanned, nextCursor }
  }

  async function choose(tenant: string, fields: ReplayFields): Promise<Chosen> {
    const { taskIds, from: _from, dryRun, limit: _limit, cursor: _cursor, ...asked } = fields
    const filter = filterOf(asked, 'body')
    if (taskIds === undefined) return chosenBy(tenant, { states: ['failed'], ...filter }, fields)
    if (Object.keys(filter).length > 0) {
      throw wrongField(
        '/taskIds',
        'cannot be combined with filters; send either taskIds or filters',
      )
    }
    const ids = [...new Set(taskIds)]
    return { taskIds: dryRun ? await endedOf(tenant, ids) : ids, scanned: ids.length }
  }

  return {
    async replayTask(request: FastifyRequest, reply: FastifyReply) {
      const { from = 'start' } = (request.body ?? {}) as { from?: ReplayFrom }
      const record = await ownTask(reader, request)
      requireReplay(request.principal, record)
      const outcome = await replays.replay(record, from, keyOf(request), submitterOf(request))
      if (outcome.kind === 'refused') throw outcome.refusal
      const view = taskView(outcome.record)
      if (isTerminal(outcome.record.state)) return reply.code(200).send(view)
      return reply.code(202).header('location', `/v1/tasks/${view.id}`).send(view)
    },
    async replayTasks(request: FastifyRequest): Promise<ReplayPage> {
      const fields = request.body as ReplayFields
      const { tenant } = request
      const key = keyOf(request)
      const { taskIds, ...page } = await choose(tenant, fields)
      if (fields.dryRun) return { dryRun: true, matched: taskIds.length, results: [], ...page }
      const results: ReplayResult[] = []
      for (let start = 0; start < taskIds.length; start += PAGE) {
        const ids = taskIds.slice(start, start + PAGE)
        const loaded = await store.loadAll(ids)
        const records = loaded.filter((record) => record.tenant === tenant)
        const known = new Set(records.map(({ taskId }) => taskId))
        results.push(...(await replayAll(records, fields.from, key, request)))
        results.push(...ids.filter((id) => !known.has(id)).map(notFound))
      }
      return { dryRun: false, matched: results.length, results, ...page }
    },
  }
}

/** Throws a Refusal if the caller's key may not use the agent of the ended task, or its own prompt. */
function requireReplay(principal: Principal | undefined, { spec, omitted }: TaskRecord): void {
  const { definition, agent, systemPrompt } = spec
  // The texts of a large task stay in the log, so it counts as a task that brought its own prompt.
  const brought = systemPrompt !== undefined || omitted !== undefined
  const own = definition === undefined && brought ? { systemPrompt: systemPrompt ?? '' } : {}
  requireAgent(principal, { agent: definition?.name ?? agent, ...own })
}

function notFound(replayOf: string): ReplayResult {
  const problem = toProblem(taskNotFound())
  return { replayOf, status: problem.status, problem }
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  return headers['idempotency-key'] as string | undefined
}
