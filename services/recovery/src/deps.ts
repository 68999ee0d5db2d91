import type { Bus, Ops, Store } from '@agentfleet/adapters'
import type { Adviser } from '@agentfleet/adviser'
import type { DecisionRecorder, FleetView } from '@agentfleet/control-plane'
import type { Timing } from '@agentfleet/domain'
import type { Orchestrator } from '@agentfleet/orchestrator'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { Fleet } from './fleet.ts'
import type { RecentIncidents } from './incident/recent-incidents.ts'
import type { RecoveryMetrics } from './metrics.ts'
import type { Quarantine } from './redistribution/quarantine.ts'

/** Dependencies of recovery. */
export interface RecoveryDeps {
  readonly bus: Bus
  readonly ops: Ops
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: RecoveryMetrics
  readonly orchestrator: Orchestrator
  readonly fleetView: FleetView
  readonly adviser: Adviser
  readonly instanceId: string
  readonly timing: Pick<Timing, 'deathRenewEveryMs' | 'outcomeWithinMs'>
}

/** What the parts of recovery share; each part names what it uses. */
export interface PartDeps extends RecoveryDeps {
  readonly fleet: Fleet
  readonly recent: RecentIncidents
  readonly recorder: DecisionRecorder
  readonly quarantine: Quarantine
}
