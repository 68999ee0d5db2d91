import type { ScaleLimits } from './scaling-limits.ts'

/** Nodes that this many busy slots need at the utilisation aimed at. */
export function nodesFor(slots: number, slotsPerNode: number, limits: ScaleLimits): number {
  return Math.ceil(slots / (slotsPerNode * limits.utilisationTarget) - 1e-9)
}
