import type { Principal } from '@agentfleet/domain'
import type { WebSocket } from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../http/problems.ts'
import type { Principals } from '../principals/principals.ts'
import type { Streams } from './connections.ts'

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
