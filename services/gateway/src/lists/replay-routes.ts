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
import { ownTask, TASK_NOT_FOUND, type Reader } from '../tasks/reads.ts'
import type { ReplayFrom, Replays } from '../tasks/replays.ts'
import { idempotencyKeyOf } from '../tasks/spec.ts'
import { recordOf } from '../tasks/submit.ts'
import { answerWith } from '../tasks/views.ts'
import { chooseTasks, type ChoiceFields } from './chosen.ts'
import { listingName } from './filters.ts'

interface ReplayRouteDeps {
  readonly replays: Replays
  readonly reader: Reader
  readonly store: Pick<Store, 'search' | 'load'>
  readonly directory: Pick<AgentDirectory, 'versions'>
  readonly principals: Pick<Principals, 'requireStanding' | 'refusedPart'>
}

interface ReplayFields extends ChoiceFields {
  readonly from: ReplayFrom
}

/** Replays of one request that are read and stored in parallel; each record may be large. */
const PARALLEL = 16

/** Creates the handlers of `/v1/tasks/{id}/replay` and `/v1/tasks:replay` by operationId. */
export function replayRoutes(deps: ReplayRouteDeps) {
  const { replays, reader, store, directory, principals } = deps
  const checkFor =
    ({ principal }: Caller) =>
    (record: TaskRecord) =>
      requireReplay(principal, record, directory)

  async function replayOne(
    taskId: string,
    from: ReplayFrom,
    key: string | undefined,
    caller: FastifyRequest,
  ): Promise<ReplayResult> {
    try {
      const record = await store.load(taskId)
      if (record === undefined || record.tenant !== caller.tenant) throw TASK_NOT_FOUND
      // The key may have ended meanwhile.
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
      const results = await inParallel(taskIds, PARALLEL, (taskId) =>
        replayOne(taskId, from, key === undefined ? undefined : `${key} ${taskId}`, request),
      )
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
