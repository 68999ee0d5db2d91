import { openAuditLog, openKeys, type Bus, type CallerLimits } from '@agentfleet/adapters'
import { admit, type Admitted, type Principal, type Scope } from '@agentfleet/domain'
import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import { isOpen, parseApiKeys, type GatewayConfig } from '../config.ts'
import { createAuthenticate } from '../http/auth.ts'
import { createGuard, type Guard } from '../http/guard.ts'
import type { GatewayMetrics } from '../metrics.ts'
import { auditRoutes } from './audit-routes.ts'
import { createFailedAttempts } from './failed-attempts.ts'
import { followKeys, type KeyDirectory } from './key-directory.ts'
import { createKeyLimiter } from './key-limiter.ts'
import { keyRoutes } from './key-routes.ts'
import { createRecorder, FLUSH_INTERVAL_MS, type Recorder } from './record.ts'
import { createTicketUse, ticketRoutes } from './ticket-routes.ts'
import { createTokenVerifier } from './jwt.ts'

/** The callers of the API: their keys, the check of requests, the record, and the routes that manage them. */
export interface Principals {
  readonly directory: KeyDirectory
  readonly guard: Guard
  readonly recorder: Recorder
  /** Whether the principal, as its key is now, may use operations of this scope. */
  standing(principal: Principal, scope: Scope): Admitted
  readonly loops: readonly Service[]
  /** Creates the handlers of keys, tickets and the audit log by operationId. */
  routes(): object
}

/** Wires the parts. */
export function createPrincipals(deps: {
  bus: Bus
  callerLimits: CallerLimits
  config: GatewayConfig
  clock: Clock
  log: Logger
  metrics: GatewayMetrics
}): Principals {
  const { bus, callerLimits, config, clock, log, metrics } = deps
  const keys = openKeys(bus)
  const audit = openAuditLog(bus)
  const directory = followKeys(keys, log)
  const recorder = createRecorder({ audit, clock, log, metrics })
  const limiter = createKeyLimiter({
    shared: callerLimits,
    clock,
    log,
  })
  const authenticate = createAuthenticate({
    keys: parseApiKeys(config.API_KEYS),
    adminKey: config.ADMIN_KEY,
    directory,
    verify: createTokenVerifier(config, { clock, log }),
    ticket: createTicketUse({ tickets: callerLimits, refreshed: directory.refreshed }),
    nowMs: clock.nowMs,
  })
  if (isOpen(config)) {
    log.warn({}, 'The API is open: no keys are configured, so every caller may do everything')
  }
  return {
    directory,
    recorder,
    standing: (principal, scope) => admit(directory.refreshed(principal), scope, clock.nowMs()),
    guard: createGuard({
      authenticate,
      failedAttempts: createFailedAttempts(clock.monotonicMs),
      limiter,
      recorder,
      countRefusal: (code) => metrics.refusals.inc({ code }),
    }),
    loops: [
      limiter.renewals,
      every(FLUSH_INTERVAL_MS, { clock, log, name: 'audit-flush' }, recorder.flush),
    ],
    routes: () => ({
      ...keyRoutes({ keys, directory, nowMs: clock.nowMs }),
      ...auditRoutes({ audit }),
      ...ticketRoutes({ tickets: callerLimits, nowMs: clock.nowMs }),
    }),
  }
}
