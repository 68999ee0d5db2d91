import { askToDrain, type Bus, type Store } from '@agentfleet/adapters'
import { TOKEN_PATTERN, type NodeDetail, type NodeView } from '@agentfleet/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'
import { taskSummary } from '../tasks/views.ts'
import type { Fleet } from './fleet.ts'

interface NodeRouteDeps {
  readonly fleet: Pick<Fleet, 'view'>
  readonly store: Pick<Store, 'search'>
  readonly bus: Bus
}

/** The tasks that one answer shows: more than a node has slots. */
const TASKS_MAX = 200

/** Creates the handlers of `/v1/fleet/nodes/{id}…` by operationId. */
export function nodeRoutes({ fleet, store, bus }: NodeRouteDeps) {
  function nodeOf(request: FastifyRequest): NodeView {
    const { id } = request.params as { id: string }
    const node = fleet.view(false).nodes.find((each) => each.id === id)
    if (node !== undefined) return node
    throw new Refusal('node-not-found', 'Check the id; GET /v1/fleet lists the nodes.')
  }

  return {
    async getNode(request: FastifyRequest): Promise<NodeDetail> {
      const node = nodeOf(request)
      // The summary of a task has the beginning of its text.
      if (request.principal?.scopes.includes('tasks:read') !== true) {
        return { node, tasks: [], scanned: 0, complete: false }
      }
      const page = await store.search({
        tenant: request.tenant,
        filter: { states: ['running'], node: node.id },
        limit: TASKS_MAX,
      })
      const tasks = page.found.map(({ task, node: noted }) => taskSummary(task, noted))
      return { node, tasks, scanned: page.scanned, complete: page.cursor === undefined }
    },
    async drainNode(request: FastifyRequest, reply: FastifyReply) {
      const node = nodeOf(request)
      const asked = TOKEN_PATTERN.test(node.id) && (await askToDrain(bus, node.id))
      if (asked) return reply.code(202).send({ ...node, draining: true })
      throw new Refusal(
        'node-unavailable',
        'The node did not answer, so the request is unconfirmed. Send the request again after Retry-After seconds; repeating it is safe.',
      )
    },
  }
}
