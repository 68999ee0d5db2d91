import { isTerminal, type TaskRecord, type TaskSpec } from '@agentfleet/domain'
import type { Bus } from '@agentfleet/adapters'
import type { BatchResult, FilledTaskRequest } from '@agentfleet/protocol'
import { createSlices, type Clock } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AgentChoice } from '../agents/choice.ts'
import { refusalOf } from '../http/errors.ts'
import { requireAgent } from '../principals/allowed-agents.ts'
import type { Principals } from '../principals/principals.ts'
import { submitterOf } from '../principals/submitter.ts'
import { Refusal, toProblem, wrongPlaces } from '../http/problems.ts'
import type { ValueCheck } from '../http/validation.ts'
import type { Offers } from '../fleet/offers.ts'
import { withIds } from './batch-references.ts'
import { alreadyFinished, requestCancel } from './cancel.ts'
import { afterChange, ownTask, type Reader } from './reads.ts'
import {
  bodyBytesOf,
  idempotencyKeyOf,
  refuseIdempotencyKey,
  specOf,
  waitSecondsOf,
} from './spec.ts'
import { recordOf, type Submission, type Submitter } from './submit.ts'
import { answerWith, taskView } from './views.ts'
import type { Waiting } from './waiting-queues.ts'

interface TaskRouteDeps {
  readonly submitter: Submitter
  readonly waiting: Waiting
  readonly reader: Reader
  readonly bus: Pick<Bus, 'ask'>
  readonly defaultModel: string
  readonly clock: Clock
  readonly agentChoice: AgentChoice
  readonly offers: Pick<Offers, 'check'>
  readonly principals: Pick<Principals, 'requireStanding' | 'refusedPart'>
  /** Returns the errors of a task of a batch. */
  readonly checkTask: ValueCheck
}

/** What a client does in place of an idempotency key for its batch. */
const OF_BATCH = 'because a batch has no key; set idempotencyKey of each task'

type Caller = Pick<FastifyRequest, 'tenant' | 'principal' | 'ip' | 'headers'>

/** What the tasks of a batch share. */
interface Batch {
  /** The results of at least the earlier tasks. */
  readonly results: readonly Promise<BatchResult>[]
  readonly needed: Map<string, number>
}

/** Creates the handlers of `/v1/tasks…` by operationId. */
export function taskRoutes(deps: TaskRouteDeps) {
  const { submitter, waiting, reader, bus } = deps
  const { agentChoice, offers, checkTask, principals } = deps

  /** Combines the request with the definition of its agent. */
  async function submissionOf(
    caller: Caller,
    request: FilledTaskRequest,
    key: string | undefined,
    taskId = submitter.idFor(caller.tenant, key),
    sent = request,
  ): Promise<Submission> {
    const { tenant, headers } = caller
    const textBytes = bodyBytesOf(headers)
    const by = submitterOf(caller)
    const keyed = key !== undefined
    const { agentVersion } = request
    let found: Awaited<ReturnType<AgentChoice['definitionFor']>>
    let spec: TaskSpec
    try {
      const choice = agentChoice.definitionFor(tenant, request)
      found = choice instanceof Promise ? await choice : choice
      spec = specOf(request, deps, found)
      offers.check(tenant, spec)
    } catch (error) {
      if (!keyed || !(error instanceof Refusal)) throw error
      // The same request may have been accepted while its agent, tools and model were known.
      const asked = { ...specOf(sent, deps), ...(agentVersion && { agentVersion }) }
      return { taskId, tenant, keyed, asked, refusal: error, textBytes }
    }
    // Two submissions of the same body with the same key may meet another version of the definition,
    // and another task behind a reference within their batch.
    const asked =
      keyed && (found?.ref !== undefined || sent !== request)
        ? { ...specOf(sent, deps), ...(agentVersion === undefined ? {} : { agentVersion }) }
        : undefined
    return { taskId, tenant, spec, keyed, by, textBytes, ...(asked === undefined ? {} : { asked }) }
  }

  async function viewOf(record: TaskRecord) {
    const [node] = await reader.nodesOf([record])
    return taskView(record, node)
  }

  async function submitTask(request: FastifyRequest, reply: FastifyReply) {
    const { tenant, headers } = request
    const body = request.body as FilledTaskRequest
    requireAgent(request.principal, body)
    const key = idempotencyKeyOf(request, body.idempotencyKey)
    const submission = await submissionOf(request, body, key)
    const { taskId } = submission
    const waitSeconds = waitSecondsOf(headers['prefer'] as string | undefined)
    if (waitSeconds === undefined) {
      return answerWith(reply, recordOf(await submitter.submit(submission)))
    }
    // The wait opens before the append, so that it misses no event of the task.
    const wait = waiting.open(tenant, taskId, bodyBytesOf(headers))
    try {
      const record = recordOf(await submitter.submit(submission))
      if (wait === undefined || isTerminal(record.state)) return await answerWith(reply, record)
      reply.raw.once('close', () => wait.release())
      const waited = await wait.ending(record, waitSeconds)
      principals.requireStanding(request, 'tasks:write')
      if (isTerminal(waited.state)) void reply.header('preference-applied', `wait=${waitSeconds}`)
      // A first attempt writes no start event: Redis knows the node of a task that runs already.
      const [node] = await reader.nodesOf([waited])
      return await answerWith(reply, waited, node)
    } finally {
      wait?.close()
    }
  }

  /** Submits the task at this position of a batch. */
  async function submitOne(
    caller: Caller,
    item: unknown,
    position: number,
    { results, needed }: Batch,
  ): Promise<BatchResult> {
    let taskId: string | undefined
    try {
      const errors = checkTask(item)
      if (errors !== undefined) throw wrongPlaces(errors)
      const sent = item as FilledTaskRequest
      requireAgent(caller.principal, sent)
      const key = sent.idempotencyKey
      taskId = submitter.idFor(caller.tenant, key)
      const request = await withIds(sent, position, results)
      const submission = await submissionOf(caller, request, key, taskId, sent)
      // Its key may have ended while it waited for earlier tasks.
      principals.requireStanding(caller, 'tasks:write')
      const record = recordOf(await submitter.submit({ ...submission, needed }))
      needed.set(taskId, record.seq)
      return { status: isTerminal(record.state) ? 200 : 202, taskId }
    } catch (error) {
      const refusal = refusalOf(error as Error)
      const problem = toProblem(refusal)
      principals.refusedPart(caller, 'submitBatch', refusal.code)
      const named = refusal.code === 'outcome-unknown' && taskId !== undefined ? { taskId } : {}
      return { status: problem.status, ...named, problem }
    }
  }

  return {
    submitTask,
    async submitBatch(request: FastifyRequest) {
      const { tasks } = request.body as { tasks: unknown[] }
      refuseIdempotencyKey(request, OF_BATCH)
      const results: Promise<BatchResult>[] = []
      const pause = createSlices()
      const needed = new Map<string, number>()
      for (const [position, task] of tasks.entries()) {
        results.push(submitOne(request, task, position, { results, needed }))
        await pause()
      }
      return { results: await Promise.all(results) }
    },
    async getTask(request: FastifyRequest) {
      return viewOf(await ownTask(reader, request))
    },
    async cancelTask(request: FastifyRequest) {
      const { taskId, tenant, state } = await ownTask(reader, request)
      request.unchanged = state === 'cancelled'
      await requestCancel(bus, { taskId, tenant })
      const record = await afterChange(ownTask(reader, request))
      if (record.state === 'cancelled') return taskView(record)
      throw alreadyFinished(record.state)
    },
  }
}
