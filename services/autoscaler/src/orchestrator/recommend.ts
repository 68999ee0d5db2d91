import type { Snapshot } from '@agentfleet/protocol'
import type { Orchestrator } from './orchestrator.ts'

/** An orchestrator for fleets that people or other programs scale: what is decided is only recorded. */
export function createRecommender(latest: () => Snapshot | undefined): Orchestrator {
  return {
    driver: 'recommend',
    acts: false,
    nodes: async () => latest()?.nodes.map(({ nodeId: id, ...rest }) => ({ id, ...rest })) ?? [],
    setCount: async () => undefined,
  }
}
