import type { Store } from '@agentfleet/adapters'
import { isTerminal, type Principal, type TaskRecord } from '@agentfleet/domain'
import { TASK_ID_PATTERN, type ReplayPage, type ReplayResult } from '@agentfleet/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { refusalOf } from '../http/errors.ts'
import { requireAgent } from '../principals/allowed-agents.ts'
import { submitterOf } from '../principals/submitter.ts'
import { Refusal, toProblem, wrongField } from '../http/problems.ts'
import type { Reader } from './reads.ts'
import type { ReplayFrom, Replays } from './replays.ts'
import { taskView } from './views.ts'

/** Dependencies of the replay routes. */
export interface ReplayRouteDeps {
  readonly replays: Replays
  readonly reader: Reader
  readonly store: Pick<Store, 'list'>
}

interface Filter {
  readonly state: 'completed' | 'failed' | 'cancelled'
  readonly errorCode?: string
  readonly createdAfter?: string
  readonly createdBefore?: string
  readonly from: ReplayFrom
  readonly limit: number
  readonly cursor?: string
}

/** Records read together; each may be large. */
const PAGE = 100
/** Replays of one request that are stored in parallel. */
const PARALLEL = 50
/** A position in the list begins with the submission time in this many digits. */
const INSTANT_DIGITS = 14

/** Creates the handlers of `/v1/tasks/{id}/replay` and `/v1/tasks:replay` by operationId. */
export function replayRoutes({ replays, reader, store }: ReplayRouteDeps) {
  async function replayOne(
    record: TaskRecord,
    from: ReplayFrom,
    key: string | undefined,
    caller: Pick<FastifyRequest, 'principal'>,
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

  return {
    async replayTask(request: FastifyRequest, reply: FastifyReply) {
      const { id } = request.params as { id: string }
      const { from = 'start' } = (request.body ?? {}) as { from?: ReplayFrom }
      const record = TASK_ID_PATTERN.test(id) ? await reader.load(id) : undefined
      if (record === undefined || record.tenant !== request.tenant) {
        throw new Refusal(
          'task-not-found',
          'You have no task with this id. Check the id; ended tasks are kept for a limited time.',
        )
      }
      requireReplay(request.principal, record)
      const outcome = await replays.replay(record, from, keyOf(request), submitterOf(request))
      if (outcome.kind === 'refused') throw outcome.refusal
      const view = taskView(outcome.record)
      if (isTerminal(outcome.record.state)) return reply.code(200).send(view)
      return reply.code(202).header('location', `/v1/tasks/${view.id}`).send(view)
    },
    async replayTasks(request: FastifyRequest): Promise<ReplayPage> {
      const filter = request.body as Filter
      const { state, errorCode, from, limit } = filter
      const after = instantOf(filter.createdAfter, '/createdAfter') ?? 0
      const before = instantOf(filter.createdBefore, '/createdBefore')
      const listing = `replay ${[state, errorCode, filter.createdAfter, filter.createdBefore, from].join(' ')}`
      const results: ReplayResult[] = []
      let position =
        filter.cursor === undefined
          ? before === undefined
            ? undefined
            : `${String(before).padStart(INSTANT_DIGITS, '0')}:`
          : decodeCursor(filter.cursor, listing)
      for (let left = limit; left > 0;) {
        const page = await store.list({
          tenant: request.tenant,
          state,
          limit: Math.min(PAGE, left),
          ...(position ? { cursor: position } : {}),
        })
        left -= Math.max(1, page.records.length)
        const wanted = page.records.filter(
          ({ submittedAtMs, error }) =>
            submittedAtMs >= after && (errorCode === undefined || error?.code === errorCode),
        )
        for (let start = 0; start < wanted.length; start += PARALLEL) {
          const part = wanted.slice(start, start + PARALLEL)
          const key = keyOf(request)
          const made = part.map((record) =>
            replayOne(
              record,
              from,
              key === undefined ? undefined : `${key} ${record.taskId}`,
              request,
            ),
          )
          results.push(...(await Promise.all(made)))
        }
        position = page.cursor
        const older = page.records.some(({ submittedAtMs }) => submittedAtMs < after)
        if (position === undefined || older) return { results }
      }
      return position === undefined
        ? { results }
        : { results, nextCursor: encodeCursor({ state: listing, after: position }) }
    },
  }
}

/** Throws a Refusal if the caller's key may not use the agent of the ended task, or its own prompt. */
function requireReplay(principal: Principal | undefined, { spec, omitted }: TaskRecord): void {
  const { definition, agent, systemPrompt } = spec
  // The texts of a large task stay in the log, so it counts as one that brought its own prompt.
  const brought = systemPrompt !== undefined || omitted !== undefined
  const own = definition === undefined && brought ? { systemPrompt: systemPrompt ?? '' } : {}
  requireAgent(principal, { agent: definition?.name ?? agent, ...own })
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  return headers['idempotency-key'] as string | undefined
}

function instantOf(text: string | undefined, pointer: string): number | undefined {
  if (text === undefined) return undefined
  const atMs = Date.parse(text)
  if (atMs >= 0) return atMs
  throw wrongField(pointer, 'must be a time after 1970, such as 2026-01-31T12:00:00Z')
}
