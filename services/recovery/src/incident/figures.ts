import type { Decision, Figures } from '@agentfleet/protocol'
import type { Fleet } from '../fleet.ts'
import type { RecentIncidents } from './recent-incidents.ts'

/** Returns the figures after a decision: later deaths and the present state of the fleet. */
export async function figuresAfter(
  { about, atMs }: Decision,
  fleet: Fleet,
  recent: RecentIncidents,
): Promise<Figures> {
  await recent.catchUp()
  const later = recent.deaths().filter((death) => death.atMs > atMs)
  const snapshot = fleet.latest()
  return {
    deathsSince: later.length,
    deathsOfNodeSince: later.filter(({ nodeId }) => nodeId === about).length,
    freeCredits: fleet.credits(),
    ...(snapshot === undefined
      ? {}
      : { nodesAlive: fleet.alive() ?? 0, queued: snapshot.queued, running: snapshot.running }),
  }
}
