import type { Ops } from '@agentfleet/adapters'
import { given } from '@agentfleet/domain'
import { ServiceError, type Incident, type Death } from '@agentfleet/protocol'

/**
 * The record of an incident, written as a whole at each stage.
 *
 * Invariant: each write expects the previous one. If two replicas hold the same death (one was
 * paused longer than its time), only one continues; the write of the other throws.
 */
export type IncidentRecord = Awaited<ReturnType<typeof openRecord>>

/** Returns the stored record of the incident, or a new one that is not stored yet. */
export async function openRecord(
  ops: Ops,
  death: Death,
  opening: { readonly by: string; readonly nowMs: number },
) {
  const { nodeId, incarnation, reason, silentMs } = death
  const id = `${nodeId}-${incarnation}`
  const last = await ops.lastIncident(id)
  let seq = last.seq
  let incident: Incident = last.incident ?? {
    id,
    nodeId,
    incarnation,
    reason,
    state: 'open',
    by: opening.by,
    ...given({ uptimeMs: uptimeOf(death) }),
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
    /** Stores the record with this change; throws `outcome-unknown` if another replica writes it. */
    async write(change: Partial<Incident>): Promise<void> {
      const next = { ...incident, ...change, by: opening.by }
      const stored = await ops.writeIncident(next, seq)
      if (stored === undefined) {
        throw new ServiceError(
          'outcome-unknown',
          `another recovery process handles the incident ${id}`,
        )
      }
      seq = stored
      incident = next
    },
  }
}

/** How long the process had run; a monitor of an earlier release leaves it to the clocks of monitor and node. */
function uptimeOf({ uptimeMs, startedAtMs, atMs, silentMs }: Death): number | undefined {
  if (uptimeMs !== undefined || startedAtMs === undefined) return uptimeMs
  return Math.max(0, atMs - silentMs - startedAtMs)
}
