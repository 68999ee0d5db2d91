import { given } from '@agentfleet/domain'
import type { Ops } from '@agentfleet/adapters'
import {
  TASK_ID_PATTERN,
  type DecisionPage,
  type FilledQueryOf,
  type Incident,
  type IncidentPage,
} from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { decisionView, incidentView } from './control-views.ts'
import { nextOf, positionOf } from '../lists/cursor.ts'
import { DECISIONS_MAX, type RecentDecisions } from './recent-decisions.ts'
import { Refusal } from '../http/problems.ts'
import { instantOf, listingName } from '../lists/filters.ts'
import type { Reader } from '../tasks/reads.ts'

interface ControlRouteDeps {
  readonly recentDecisions: RecentDecisions
  readonly ops: Pick<Ops, 'lastIncident'>
  readonly operators: ReadonlySet<string>
  readonly reader: Pick<Reader, 'load'>
}

/** Ids that can be part of a subject; other ids exist nowhere. */
const RECORD_ID = /^[\w-]+(\.[\w-]+)*$/

/** Creates the handlers of `/v1/decisions…` and `/v1/incidents…` by operationId. */
export function controlRoutes({ recentDecisions, ops, operators, reader }: ControlRouteDeps) {
  const idOf = (request: FastifyRequest) => (request.params as { id: string }).id
  const operator = (request: FastifyRequest) => operators.has(request.tenant)

  /** Whether the caller may ask for decisions about this; only an operator may about a task of another tenant. */
  async function mayAsk(request: FastifyRequest, about: string | undefined): Promise<boolean> {
    if (about === undefined || operator(request) || !TASK_ID_PATTERN.test(about)) return true
    return (await reader.load(about, request.tenant))?.tenant === request.tenant
  }

  return {
    async listDecisions(request: FastifyRequest): Promise<DecisionPage> {
      const sent = request.query as FilledQueryOf<'listDecisions', 'limit'>
      const { cursor, from, to, ...fields } = sent
      const [fromMs, beforeMs] = [instantOf(from, 'from', 'query'), instantOf(to, 'to', 'query')]
      const query = { ...fields, ...given({ fromMs, beforeMs }) }
      const { limit: _limit, ...asked } = query
      const listing = listingName('decisions', asked)
      const after = positionOf(cursor, listing, /^\d+$/)
      if (!(await mayAsk(request, fields.about))) return { decisions: [] }
      const { found, next } = recentDecisions.decisions({ ...query, ...after })
      const decisions = found.map((recorded) => decisionView(recorded, operator(request)))
      return { decisions, ...nextOf(listing, next) }
    },
    async getDecision(request: FastifyRequest) {
      const recorded = recentDecisions.decision(idOf(request))
      if (recorded !== undefined) return decisionView(recorded, operator(request))
      throw new Refusal(
        'decision-not-found',
        `Check the id; the gateway keeps the latest ${DECISIONS_MAX} decisions.`,
      )
    },
    async listIncidents(request: FastifyRequest): Promise<IncidentPage> {
      const { cursor, ...query } = request.query as FilledQueryOf<'listIncidents', 'limit'>
      const { state, node } = query
      const listing = listingName('incidents', { state, node })
      const after = positionOf(cursor, listing, /^\d+(\.\d+)?:/)
      const { found, next } = recentDecisions.incidents({ ...query, ...after })
      const incidents = found.map((incident) => incidentView(incident, operator(request)))
      return { incidents, ...nextOf(listing, next) }
    },
    async getIncident(request: FastifyRequest) {
      const incident = recentDecisions.incident(idOf(request)) ?? (await stored(ops, idOf(request)))
      if (incident !== undefined) return incidentView(incident, operator(request))
      throw new Refusal(
        'incident-not-found',
        'Check the id; the fleet keeps incidents for seven days.',
      )
    },
  }
}

/** Reads an incident that is older than the recent incidents. */
async function stored(ops: Pick<Ops, 'lastIncident'>, id: string): Promise<Incident | undefined> {
  return RECORD_ID.test(id) ? (await ops.lastIncident(id)).incident : undefined
}
