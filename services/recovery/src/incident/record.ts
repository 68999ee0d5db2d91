import type { Ops } from '@agentfleet/adapters'
import { ServiceError, type Incident, type Death } from '@agentfleet/protocol'

/**
 * The one record of an incident, written whole at each stage.
 *
 * Invariant: each write expects the one before, so of two replicas that hold the same death (one was
 * paused longer than its time) only one goes on; the other's write throws.
 */
export interface IncidentRecord {
  current(): Incident
  /** Stores the record with this change; throws `outcome-unknown` when somebody else writes it. */
  write(change: Partial<Incident>): Promise<void>
}

/** The record of a death's incident as it was left, or a new one that is not stored yet. */
export async function openRecord(
  ops: Ops,
  death: Death,
  opening: { readonly by: string; readonly nowMs: number },
): Promise<IncidentRecord> {
  const { nodeId, incarnation, reason, silentMs, startedAtMs } = death
  const id = `${nodeId}-${incarnation}`
  const last = await ops.lastIncident(id)
  const lastHeardAtMs = death.atMs - silentMs
  let seq = last.seq
  let incident: Incident = last.incident ?? {
    id,
    nodeId,
    incarnation,
    reason,
    state: 'open',
    by: opening.by,
    ...(startedAtMs === undefined ? {} : { uptimeMs: Math.max(0, lastHeardAtMs - startedAtMs) }),
    silentMs,
    detectedAtMs: death.atMs,
    openedAtMs: opening.nowMs,
    tasks: 0,
    redistributed: 0,
    taskIds: [],
    suspectTasks: [],
  }
  return {
    current: () => incident,
    async write(change) {
      const next = { ...incident, ...change, by: opening.by }
      const stored = await ops.writeIncident(next, seq)
      if (stored === undefined) {
        throw new ServiceError('outcome-unknown', `another replica goes on with ${id}`)
      }
      seq = stored
      incident = next
    },
  }
}
