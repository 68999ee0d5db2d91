import type { AuditLog, StoredAuditEvent } from '@agentfleet/adapters'
import type { AuditEventView, AuditPage, FilledQueryOf } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { nextOf, positionOf } from '../lists/cursor.ts'
import { listingName } from '../lists/filters.ts'
import { isoTime } from '../tasks/views.ts'

type Query = FilledQueryOf<'listAudit', 'limit'>

/** Stored events that one request reads at most; a filter that finds few of them ends the page early. */
const SCAN_MAX = 1_000
/** Events read together. */
const CHUNK = 100

/** Creates the handler of `/v1/audit` by operationId. */
export function auditRoutes({ audit }: { audit: Pick<AuditLog, 'before'> }) {
  return {
    async listAudit(request: FastifyRequest): Promise<AuditPage> {
      const query = request.query as Query
      const { limit, cursor, ...asked } = query
      const listing = listingName('audit', asked)
      const { after } = positionOf(cursor, listing, /^\d+$/)
      let below = after === undefined ? undefined : Number(after)
      const found: StoredAuditEvent[] = []
      for (let scanned = 0; scanned < SCAN_MAX; scanned += CHUNK) {
        const page = await audit.before(below, CHUNK)
        for (const stored of page.events) {
          if (!fits(stored, query)) continue
          found.push(stored)
          if (found.length === limit) return pageOf(found, listing, stored.seq)
        }
        below = page.next
        if (below === undefined) return pageOf(found, listing, undefined)
      }
      return pageOf(found, listing, below)
    },
  }
}

function fits({ event }: StoredAuditEvent, { kind, tenant, keyId, operation }: Query): boolean {
  return (
    (kind === undefined || kind.includes(event.kind)) &&
    (tenant === undefined || event.tenant === tenant) &&
    (keyId === undefined || event.keyId === keyId) &&
    (operation === undefined || event.operation === operation)
  )
}

function pageOf(
  found: readonly StoredAuditEvent[],
  listing: string,
  next: number | undefined,
): AuditPage {
  const events = found.map(({ seq, event: { atMs, ...event } }): AuditEventView => {
    return { seq, at: isoTime(atMs), ...event } as AuditEventView
  })
  return { events, ...nextOf(listing, next === undefined ? undefined : String(next)) }
}
