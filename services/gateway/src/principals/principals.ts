import { openAuditLog, openKeys, type Bus, type CallerLimits } from '@agentfleet/adapters'
import {
  admit,
  FAILURE_CODES,
  keyLimits,
  type Admitted,
  type Principal,
  type ProblemCode,
  type Scope,
} from '@agentfleet/domain'
import { every, type Clock, type Logger } from '@agentfleet/runtime'
import { isOpen, parseApiKeys, tenantsOf, type GatewayConfig } from '../config.ts'
import { createAuthenticate } from '../http/auth.ts'
import { createGuard } from '../http/guard.ts'
import { Refusal } from '../http/problems.ts'
import type { GatewayMetrics } from '../metrics.ts'
import { createPace } from '../tenants/pace.ts'
import type { TenantRoom } from '../tenants/room.ts'
import { auditRoutes } from './audit-routes.ts'
import { createFailedAttempts } from './failed-attempts.ts'
import { followKeys, type KeyDirectory } from './key-directory.ts'
import { createKeyCounts } from './limits/key-counts.ts'
import { createKeyLimiter } from './limits/key-limiter.ts'
import { PURGE_INTERVAL_MS, purgeKeys } from './key-purge.ts'
import { keyRoutes } from './key-routes.ts'
import { createNewestKeys } from './newest-keys.ts'
import { createRecorder, FLUSH_INTERVAL_MS, type Caller } from './record.ts'
import { createTicketUse, ticketRoutes } from './ticket-routes.ts'
import { createTokenVerifier } from './jwt/verifier.ts'

/** The callers of the API: their keys, the check of requests, the record, and the routes that manage them. */
export type Principals = ReturnType<typeof createPrincipals>

/** Milliseconds; a store has half its room left when a second tenant appears. */
const TENANTS_INTERVAL_MS = 1_000

interface PrincipalDeps {
  bus: Bus
  callerLimits: CallerLimits
  config: GatewayConfig
  clock: Clock
  log: Logger
  metrics: GatewayMetrics
  /** Says how many gateways serve the fleet. */
  room: () => Pick<TenantRoom, 'gateways' | 'gatewaysForCertain'>
}

/** Wires the parts. */
export function createPrincipals(deps: PrincipalDeps) {
  const { bus, callerLimits, config, clock, log, metrics } = deps
  const keys = openKeys(bus)
  const audit = openAuditLog(bus)
  const directory = followKeys(keys, log)
  const recorder = createRecorder({ audit, clock, log, metrics })
  const limiter = createLimiter(deps)
  const failedAttempts = createFailedAttempts(clock.monotonicMs)
  const newest = createNewestKeys({ upToDate: directory.upToDate, monotonicMs: clock.monotonicMs })
  const countTenants = () =>
    Math.max(directory.current() ? 1 : 2, tenantsOf(config, directory.tenants(clock.nowMs())))
  let tenants = countTenants()
  // Until the keys have been read, the fleet counts as shared, and its only tenant has half of each store.
  void directory.caughtUp().then(() => (tenants = countTenants()))
  if (isOpen(config)) {
    log.warn({}, 'The API is open: no keys are configured, so every caller may do everything')
  }
  /** Whether the principal, as its key is now, may use operations of this scope. */
  const standing = (principal: Principal, scope: Scope): Admitted =>
    admit(directory.refreshed(principal), scope, clock.nowMs())
  /** Throws a Refusal if the key of the request may no longer use operations of this scope. */
  const requireStanding = ({ principal }: Pick<Caller, 'principal'>, scope: Scope): void => {
    if (principal === undefined || standing(principal, scope).kind === 'allowed') return
    throw new Refusal(
      'unauthorized',
      'This key ended before the request did. What the request has changed stays changed; use another key.',
    )
  }
  const requireNewest = async (caller: Pick<Caller, 'principal'>): Promise<void> => {
    await newest()
    requireStanding(caller, 'admin')
  }
  return {
    directory,
    recorder,
    /** Returns how many tenants share the fleet. */
    tenants: () => tenants,
    /** Records the refusal of a part of a request: a task of a batch, a frame of a stream. */
    refusedPart: (caller: Caller, operation: string, code: ProblemCode) =>
      recorder.refused(caller, operation, FAILURE_CODES[code].http.status, code),
    standing,
    requireStanding,
    guard: createGuard({
      authenticate: authenticateBy(deps, directory, newest, failedAttempts),
      failedAttempts,
      limiter,
      pace: createPace(() => tenants),
      recorder,
      countRefusal: (code) => metrics.refusals.inc({ code }),
    }),
    loops: [
      limiter.renewals,
      every(TENANTS_INTERVAL_MS, { clock, log, name: 'count-tenants' }, async () => {
        tenants = countTenants()
      }),
      every(PURGE_INTERVAL_MS, { clock, log, name: 'key-purge' }, () =>
        purgeKeys({ keys, directory, nowMs: clock.nowMs }),
      ),
      every(FLUSH_INTERVAL_MS, { clock, log, name: 'audit-flush' }, recorder.flush),
    ],
    /** Creates the handlers of keys, tickets and the audit log by operationId. */
    routes: () => ({
      ...keyRoutes({ keys, directory, requireNewest, nowMs: clock.nowMs }),
      ...auditRoutes({ audit }),
      ...ticketRoutes({ tickets: callerLimits, nowMs: clock.nowMs }),
    }),
  }
}

/** Wires the limits of the keys. */
function createLimiter({ callerLimits: shared, clock, log, room }: PrincipalDeps) {
  const gateways = () => room().gateways()
  const gatewaysForCertain = () => room().gatewaysForCertain()
  const counts = createKeyCounts({ shared, gateways, gatewaysForCertain, clock, log })
  return createKeyLimiter({ counts, clock, log })
}

/** Wires the check of who calls: by a key, a token or a ticket. */
function authenticateBy(
  { config, clock, log, callerLimits: tickets }: PrincipalDeps,
  directory: KeyDirectory,
  newest: ReturnType<typeof createNewestKeys>,
  { mayCheck }: ReturnType<typeof createFailedAttempts>,
) {
  return createAuthenticate({
    keys: parseApiKeys(config.API_KEYS),
    keyLimits: keyLimits(config.API_KEYS_REQUESTS_PER_MINUTE, config.API_KEYS_CONCURRENT),
    adminKey: config.ADMIN_KEY,
    directory,
    newest,
    verify: createTokenVerifier(config, { clock, log, mayCheck }),
    ticket: createTicketUse({ tickets, refreshed: directory.refreshed, mayCheck, log }),
    nowMs: clock.nowMs,
  })
}
