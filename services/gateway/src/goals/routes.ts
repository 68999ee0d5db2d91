import { given, RUN_GOAL, type TaskRecord, type TaskSpec } from '@agentfleet/domain'
import type { Bus } from '@agentfleet/adapters'
import type { GoalRequest } from '@agentfleet/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { goalSpecOf, goalView, type GoalChild } from './goals.ts'
import { submitterOf } from '../principals/submitter.ts'
import { requireAgent } from '../principals/allowed-agents.ts'
import { Refusal } from '../http/problems.ts'
import type { Offers } from '../fleet/offers.ts'
import { afterChange, ownTask, type Reader } from '../tasks/reads.ts'
import { bodyBytesOf, idempotencyKeyOf } from '../tasks/spec.ts'
import { recordOf, type Submitter } from '../tasks/submit.ts'
import type { Team } from '../agents/team.ts'
import { withHint } from '../tasks/views.ts'
import { approve, keyIdOf } from '../tasks/approval-routes.ts'

interface GoalRouteDeps {
  readonly submitter: Submitter
  readonly reader: Reader
  readonly bus: Pick<Bus, 'ask'>
  readonly defaultModel: string
  readonly team: Team
  readonly offers: Pick<Offers, 'check'>
}

const NOT_HELD = new Refusal(
  'not-waiting',
  'No plan of this goal waits for approval. You can run the plan of a goal only while its stage is held.',
)

const GOAL_NOT_FOUND = new Refusal(
  'task-not-found',
  'You have no goal with this id. Check the id; ended goals are kept for a limited time.',
)

/** Creates the handlers of `/v1/goals…` by operationId. */
export function goalRoutes(deps: GoalRouteDeps) {
  const { submitter, reader, bus, defaultModel, team, offers } = deps

  const own = (request: FastifyRequest) => ownTask(reader, request, GOAL_NOT_FOUND)

  async function viewOf(known: TaskRecord) {
    const { taskId, tenant, spec, omitted } = known
    if (spec.goal === undefined && omitted?.goal !== true) throw notAGoal(taskId)
    // The plans are in the journal, and records in Redis have no journal.
    const record = (await reader.loadWhole(taskId, tenant)) ?? known
    const { goal } = record.spec
    if (goal === undefined) throw notAGoal(taskId)
    // At most CHILDREN_MAX reads of Redis. Each child is cut at once: its result may be large.
    const children = await Promise.all(
      record.children.map(async (child) => cutChild(await reader.load(child.taskId, tenant))),
    )
    const found = children.filter((child) => child !== undefined)
    const nodes = await reader.nodesOf(found)
    const views = found.map((child, index) => withHint(child, nodes[index]))
    return goalView(record, goal, new Map(views.map((child) => [child.taskId, child])))
  }

  /** The spec of a goal, or why it is refused if an earlier request with its key may have stored it. */
  function specFor({ tenant, principal }: FastifyRequest, asked: GoalRequest, keyed: boolean) {
    let spec: TaskSpec
    try {
      spec = goalSpecOf(asked, team, tenant, defaultModel)
      offers.check(tenant, spec)
    } catch (error) {
      // Without its spec it is not known which agents the goal uses.
      if (!keyed || principal?.agents !== undefined || !(error instanceof Refusal)) throw error
      return { refusal: error }
    }
    for (const agent of [spec.agent, ...(spec.goal?.roles ?? [])]) {
      requireAgent(principal, { agent })
    }
    return { spec }
  }

  return {
    async submitGoal(request: FastifyRequest, reply: FastifyReply) {
      const { tenant } = request
      const { idempotencyKey, ...asked } = request.body as GoalRequest
      const key = idempotencyKeyOf(request, idempotencyKey)
      const taskId = submitter.idFor(tenant, key)
      const outcome = await submitter.submit({
        taskId,
        tenant,
        ...specFor(request, asked, key !== undefined),
        keyed: key !== undefined,
        by: submitterOf(request),
        textBytes: bodyBytesOf(request.headers),
        // The definitions of its agents may change between two submissions with one key.
        asked,
      })
      const view = await viewOf(recordOf(outcome))
      return reply.code(202).header('location', `/v1/goals/${taskId}`).send(view)
    },
    getGoal: async (request: FastifyRequest) => viewOf(await own(request)),
    async runGoal(request: FastifyRequest) {
      const { taskId, tenant, waitingFor, approvals } = await own(request)
      const step = waitingFor?.kind === 'approval' ? waitingFor.step : approvals[0]?.step
      const held = waitingFor?.kind === 'approval' && waitingFor.tool === RUN_GOAL
      if (step === undefined || (!held && approvals.length === 0)) throw NOT_HELD
      const approval = { step, approved: true, by: keyIdOf(request) }
      await approve(bus, { taskId, tenant, approval })
      request.unchanged = !held
      return afterChange(own(request).then(viewOf))
    },
  }
}

/** What a goal shows of its child. */
function cutChild(record: TaskRecord | undefined): (GoalChild & { taskId: string }) | undefined {
  if (record === undefined) return undefined
  const { taskId, state, usage, error } = record
  return { taskId, state, usage, ...given({ error }) }
}

function notAGoal(taskId: string): Refusal {
  return new Refusal(
    'task-not-found',
    `This id belongs to a task that is not a goal. Read the task at /v1/tasks/${taskId}.`,
  )
}
