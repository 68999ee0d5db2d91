import type { WebSocket } from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import { originAllowed } from '../http/auth.ts'
import { Refusal } from '../http/problems.ts'
import type { Streams } from './connections.ts'

/** Creates the route options of `/v1/stream` by operationId. */
export function streamRoute(deps: { streams: Streams; allowedOrigins: readonly string[] }) {
  const { streams, allowedOrigins } = deps
  return {
    openStream: {
      /** Runs before the upgrade, while an HTTP answer is still possible. */
      preHandler: async (request: FastifyRequest) => {
        const { origin, host } = request.headers
        if (!originAllowed(origin, host, allowedOrigins)) {
          throw new Refusal('origin-refused', `Add ${origin} to ALLOWED_ORIGINS of the gateway.`)
        }
        if (request.ws) streams.admit(request.tenant)
      },
      handler: async () => {
        throw new Refusal('upgrade-required', 'Open this path with a WebSocket client.')
      },
      wsHandler: (socket: WebSocket, request: FastifyRequest) =>
        streams.accept(socket, request.tenant),
    },
  }
}
