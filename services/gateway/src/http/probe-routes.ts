import type { FilledQueryOf } from '@agentfleet/protocol'
import type { Readiness } from '@agentfleet/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiDocument } from './openapi/document.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Held } from '../fleet/held-tenants.ts'
import type { OwnFigures } from '../fleet/own-figures.ts'

type FleetQuery = FilledQueryOf<'getFleet', 'history' | 'nodes'>

/** Creates the handlers of the document, the probes and the fleet by operationId. */
export function serviceRoutes(deps: {
  document: ApiDocument
  fleet: Pick<Fleet, 'view'>
  ownFigures: OwnFigures
  held: Held
  readiness: () => Readiness
}) {
  const { document, fleet, ownFigures, held, readiness } = deps
  const text = JSON.stringify(document)
  return {
    getDocument: async (_request: FastifyRequest, reply: FastifyReply) =>
      reply.type('application/json').send(text),
    getLiveness: async () => ({ ok: true }),
    getReadiness: async (_request: FastifyRequest, reply: FastifyReply) => {
      const answer = readiness()
      return reply.code(answer.ok ? 200 : 503).send(answer)
    },
    getFleet: async (request: FastifyRequest) => {
      const { history, nodes } = request.query as FleetQuery
      const [figures, waits] = await Promise.all([ownFigures(request.tenant), held(request.tenant)])
      return { ...fleet.view(history, nodes === 'columns', waits), ...figures }
    },
  }
}
