import type { Bus } from '@agentfleet/adapters'
import { isTerminal, type Principal } from '@agentfleet/domain'
import { CHANNELS, type TaskText } from '@agentfleet/protocol'
import type { WebSocket } from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'
import type { Principals } from '../principals/principals.ts'
import type { Streams } from './connections.ts'
import { ownTask, type Reader } from '../tasks/reads.ts'

/** The node that runs the task answers within this, milliseconds. */
const ANSWER_WITHIN_MS = 300
const NOTHING: TaskText = { offset: 0, text: '' }

/** Creates the route options of `/v1/stream` by operationId. */
export function streamRoute(deps: {
  streams: Streams
  principals: Pick<Principals, 'refusedPart'>
}) {
  const { streams, principals } = deps
  return {
    openStream: {
      /** Runs before the upgrade, while an HTTP answer is still possible. */
      preHandler: async (request: FastifyRequest) => {
        if (request.ws) streams.admit(request.tenant)
      },
      handler: async () => {
        throw new Refusal('upgrade-required', 'Open this path with a WebSocket client.')
      },
      wsHandler: (socket: WebSocket, request: FastifyRequest) =>
        streams.accept(socket, request.raw.socket, request.principal as Principal, () =>
          principals.refusedPart(request, 'openStream', 'scope-missing'),
        ),
    },
  }
}

/** Creates the handler of `/v1/tasks/{id}/text` by operationId. */
export function textRoutes({ bus, reader }: { bus: Pick<Bus, 'gather'>; reader: Reader }) {
  return {
    async getTaskText(request: FastifyRequest): Promise<TaskText> {
      const { taskId, state, attempt: known } = await ownTask(reader, request)
      if (isTerminal(state)) return NOTHING
      const answers = await bus.gather(CHANNELS.textSoFar, { taskId }, ANSWER_WITHIN_MS)
      // A node that was declared dead may still run an older attempt.
      const newest = answers.toSorted((a, b) => b.attempt - a.attempt || b.seq - a.seq)[0]
      if (newest === undefined || newest.attempt < known) return NOTHING
      const { attempt, node, seq, offset, text } = newest
      return { attempt, node, seq, offset, text }
    },
  }
}
