import type { AuditLog } from '@agentfleet/adapters'
import {
  createAllowance,
  createTally,
  decideShare,
  FAILURE_CODES,
  given,
  type ProblemCode,
} from '@agentfleet/domain'
import type { AuditEvent } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import { ADDRESS_CHARS_MAX } from '../http/proxies.ts'
import type { GatewayMetrics } from '../metrics.ts'

/**
 * The record of who did what: one line in the log for a request, one event in the audit log for a change, for a
 * change whose outcome is unknown, or for a refusal.
 *
 * Invariants (L7): at most LINES lines of answers and as many of refusals, and REFUSALS_MAX different refusals
 * are held, of both those of one tenant at most half of what the others leave free; equal refusals of one second become
 * one event with their count, and further refusals are counted as one event without a caller.
 */
export interface Recorder {
  /** Writes the line of a request, if the sample has room; refusals have a sample that is separate. */
  answered(
    request: FastifyRequest,
    operation: string,
    status: number,
    ms: number,
    code?: string,
  ): void
  /** Stores a change; resolves once it is stored, or was logged because the audit log does not answer. */
  changed(
    request: FastifyRequest,
    operation: string,
    status: number,
    target?: string,
  ): Promise<void>
  /** Stores that a request may have changed something: it failed with this code, and its outcome is unknown. */
  mayHaveChanged(
    request: FastifyRequest,
    operation: string,
    code: ProblemCode,
    target?: string,
  ): Promise<void>
  /** Counts a refusal of a request or of a part of it; the next flush stores it. Other errors are not counted. */
  refused(request: Caller, operation: string, status: number, code: string): void
  /** Stores the counted refusals; call it every FLUSH_INTERVAL_MS. */
  flush(): Promise<void>
}

/** What the record needs to know of a request. */
export type Caller = Pick<FastifyRequest, 'ip' | 'principal'>

/** The caller may not do this, or not so often; other errors concern the request itself. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 429])
/** Milliseconds; a refusal is in the audit log this much later. */
export const FLUSH_INTERVAL_MS = 1_000
/** Lines of a quiet tenant are complete; of a busy one the gateway writes a sample. */
const LINES = { oneEveryMs: 50, burst: 200 } as const
/** Callers without a valid key share with the tenants, so that the sharers are at least two. */
const SHARERS = 2
/** Stands for callers without a valid key; no tenant has this name. */
const UNKNOWN = ''
/** Events of one second, about 300 bytes each. */
const REFUSALS_MAX = 500
/** Stands for refusals beyond that number. */
const OTHERS = 'others'

/** Creates a recorder that has seen no refusal yet. */
export function createRecorder(deps: {
  audit: Pick<AuditLog, 'append'>
  clock: Clock
  log: Logger
  metrics: Pick<GatewayMetrics, 'audited'>
}): Recorder {
  const { audit, clock, log, metrics } = deps
  const refusals = createRefusals()
  const answers = createSample()
  const refused = createSample()

  async function store(event: AuditEvent) {
    try {
      await audit.append(event)
      metrics.audited.inc({ kind: event.kind })
    } catch (error) {
      metrics.audited.inc({ kind: 'lost' })
      log.error({ err: error, event }, 'The gateway could not store an audit event')
    }
  }

  return {
    answered(request, operation, status, ms, code) {
      const { ip, principal } = request
      const sample = code === undefined ? answers : refused
      const skipped = sample.take(clock.monotonicMs(), principal?.tenant ?? UNKNOWN)
      if (skipped === undefined) return
      const caller = { keyId: principal?.keyId, tenant: principal?.tenant }
      const refusal = code === undefined ? {} : { code, address: ip.slice(0, ADDRESS_CHARS_MAX) }
      log.info(
        {
          operation,
          ...caller,
          status,
          ...refusal,
          ms: Math.round(ms * 10) / 10,
          ...(skipped > 0 ? { skipped } : {}),
        },
        code === undefined ? 'The gateway answered a request' : 'The gateway refused a request',
      )
    },
    changed: (request, operation, status, target) =>
      store({
        ...about(request, operation, status, clock.nowMs()),
        kind: 'change',
        ...given({ target }),
      }),
    mayHaveChanged: (request, operation, code, target) =>
      store({
        ...about(request, operation, FAILURE_CODES[code].http.status, clock.nowMs()),
        kind: 'unknown',
        code,
        ...given({ target }),
      }),
    refused(request, operation, status, code) {
      if (!REFUSED.has(status)) return
      refusals.add(request, operation, status, code, clock.nowMs())
    },
    async flush() {
      await Promise.all(refusals.takeAll().map(store))
    },
  }
}

/** Creates the refusals since the last flush, at first none. */
function createRefusals() {
  const refusals = new Map<string, { readonly event: AuditEvent; count: number }>()
  /** The number of different refusals of each tenant. */
  const perTenant = new Map<string, number>()
  return {
    add(request: Caller, operation: string, status: number, code: string, atMs: number): void {
      const { ip, principal } = request
      const tenant = principal?.tenant ?? UNKNOWN
      const key = `${principal?.keyId ?? ''} ${ip} ${operation} ${code}`
      const known = refusals.get(key)
      if (known !== undefined) {
        known.count += 1
        return
      }
      const own = perTenant.get(tenant) ?? 0
      const share = { capacity: REFUSALS_MAX, used: refusals.size, own, ask: 1, tenants: SHARERS }
      if (decideShare(share).kind === 'take') {
        const event = { ...about(request, operation, status, atMs), kind: 'refusal', code } as const
        refusals.set(key, { event, count: 1 })
        perTenant.set(tenant, own + 1)
        return
      }
      const others = refusals.get(OTHERS)
      const event = { atMs, kind: 'refusal', operation: OTHERS, status, code, count: 1 } as const
      if (others === undefined) refusals.set(OTHERS, { event, count: 1 })
      else others.count += 1
    },
    takeAll(): readonly AuditEvent[] {
      const events = [...refusals.values()].map(({ event, count }) => ({ ...event, count }))
      refusals.clear()
      perTenant.clear()
      return events
    },
  }
}

/** Creates a sample of lines, of which each tenant has a share. */
function createSample() {
  const allowance = createAllowance(LINES)
  const skipped = createTally()
  return {
    /** Returns how many lines of the tenant were left out before this one; undefined if this one is left out, too. */
    take(nowMs: number, tenant: string): number | undefined {
      if (!allowance.take(nowMs, tenant, SHARERS)) {
        skipped.add(tenant, 1)
        return undefined
      }
      const before = skipped.of(tenant)
      if (before > 0) skipped.add(tenant, -before)
      return before
    },
  }
}

function about(request: Caller, operation: string, status: number, atMs: number) {
  const { ip, principal } = request
  return {
    atMs,
    operation,
    status,
    count: 1,
    address: ip.slice(0, ADDRESS_CHARS_MAX),
    ...(principal === undefined ? {} : { keyId: principal.keyId, tenant: principal.tenant }),
  }
}
