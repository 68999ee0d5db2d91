import { isDeepStrictEqual } from 'node:util'
import type { Store } from '@agentfleet/adapters'
import { isTerminal, type Principal, type TaskRecord } from '@agentfleet/domain'
import type { ReplayPage, ReplayResult } from '@agentfleet/protocol'
import { inParallel } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AgentDirectory } from '../agents/directory.ts'
import { refusalOf } from '../http/errors.ts'
import { requireAgent } from '../principals/allowed-agents.ts'
import type { Principals } from '../principals/principals.ts'
import type { Caller } from '../principals/record.ts'
import { submitterOf } from '../principals/submitter.ts'
import { toProblem } from '../http/problems.ts'
import { ownTask, taskNotFound, type Reader } from '../tasks/reads.ts'
import type { ReplayFrom, Replays } from '../tasks/replays.ts'
import { idempotencyKeyOf } from '../tasks/spec.ts'
import { recordOf } from '../tasks/submit.ts'
import { answerWith } from '../tasks/views.ts'
import { chooseTasks, type ChoiceFields } from './chosen.ts'
import { listingName } from './filters.ts'

interface ReplayRouteDeps {
  readonly replays: Replays
  readonly reader: Reader
  readonly store: Pick<Store, 'search' | 'loadAll'>
  readonly directory: Pick<AgentDirectory, 'versions'>
  readonly principals: Pick<Principals, 'requireStanding' | 'refusedPart'>
}

interface ReplayFields extends ChoiceFields {
  readonly from: ReplayFrom
}

/** Records read together; each may be large. */
const PAGE = 100
/** Replays of one request that are stored in parallel. */
const PARALLEL = 50

/** Creates the handlers of `/v1/tasks/{id}/replay` and `/v1/tasks:replay` by operationId. */
export function replayRoutes(deps: ReplayRouteDeps) {
  const { replays, reader, store, directory, principals } = deps
  const checkFor =
    ({ principal }: Caller) =>
    (record: TaskRecord) =>
      requireReplay(principal, record, directory)

  async function replayOne(
    record: TaskRecord,
    from: ReplayFrom,
    key: string | undefined,
    caller: Caller,
  ): Promise<ReplayResult> {
    const { taskId } = record
    try {
      principals.requireStanding(caller, 'tasks:write')
      const by = submitterOf(caller)
      const made = recordOf(await replays.replay(record, from, key, by, checkFor(caller)))
      return { replayOf: taskId, status: isTerminal(made.state) ? 200 : 202, taskId: made.taskId }
    } catch (error) {
      const refusal = refusalOf(error as Error)
      const problem = toProblem(refusal)
      principals.refusedPart(caller, 'replayTasks', refusal.code)
      return { replayOf: taskId, status: problem.status, problem }
    }
  }

  function replayAll(
    records: readonly TaskRecord[],
    from: ReplayFrom,
    key: string | undefined,
    caller: Caller,
  ): Promise<ReplayResult[]> {
    return inParallel(records, PARALLEL, (record) =>
      replayOne(record, from, key === undefined ? undefined : `${key} ${record.taskId}`, caller),
    )
  }

  return {
    async replayTask(request: FastifyRequest, reply: FastifyReply) {
      const { from = 'start' } = (request.body ?? {}) as { from?: ReplayFrom }
      const record = await ownTask(reader, request)
      const [key, by] = [idempotencyKeyOf(request), submitterOf(request)]
      const outcome = await replays.replay(record, from, key, by, checkFor(request))
      request.unchanged = outcome.kind === 'existing'
      return answerWith(reply, recordOf(outcome))
    },
    async replayTasks(request: FastifyRequest): Promise<ReplayPage> {
      const fields = request.body as ReplayFields
      const { from, limit } = fields
      const key = idempotencyKeyOf(request)
      const { taskIds, ...page } = await chooseTasks(store, request.tenant, fields, {
        listing: (filter) => listingName('replay', { filter, from }),
        states: ['failed'],
        fits: ({ state }) => isTerminal(state),
        lookedAtMax: limit,
      })
      if (fields.dryRun) return { dryRun: true, matched: taskIds.length, results: [], ...page }
      request.unchanged = taskIds.length === 0
      const results: ReplayResult[] = []
      for (let start = 0; start < taskIds.length; start += PAGE) {
        const ids = taskIds.slice(start, start + PAGE)
        const loaded = await store.loadAll(ids)
        const records = loaded.filter((record) => record.tenant === request.tenant)
        const known = new Set(records.map(({ taskId }) => taskId))
        results.push(...(await replayAll(records, from, key, request)))
        results.push(...ids.filter((id) => !known.has(id)).map(notFound))
      }
      return { dryRun: false, matched: results.length, results, ...page }
    },
  }
}

/**
 * Throws a Refusal if the caller's key may not use the agent of the ended task or a role of the ended goal, or if
 * the task overrides the definition of its agent.
 */
function requireReplay(
  principal: Principal | undefined,
  { tenant, spec }: TaskRecord,
  directory: Pick<AgentDirectory, 'versions'>,
): void {
  if (principal?.agents === undefined) return
  const { agent, definition, goal, systemPrompt, tools } = spec
  // A goal always takes the prompt of its planner's definition.
  for (const role of goal?.roles ?? []) requireAgent(principal, { agent: role })
  if (goal !== undefined) return requireAgent(principal, { agent })
  const versions = definition === undefined ? [] : directory.versions(tenant, definition.name)
  const stored = versions.find(({ version }) => version === definition?.version)
  requireAgent(principal, {
    agent: definition?.name ?? agent,
    ...(systemPrompt === stored?.definition.systemPrompt ? {} : { systemPrompt: '' }),
    ...(isDeepStrictEqual(tools, stored?.definition.tools) ? {} : { tools: [] }),
  })
}

function notFound(replayOf: string): ReplayResult {
  const problem = toProblem(taskNotFound())
  return { replayOf, status: problem.status, problem }
}
