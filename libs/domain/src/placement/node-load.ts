import type { Level, PlacementMode } from '../task/spec.ts'

/** What a placement looks at: nodes, what a task needs of them, and the limits. */

/** One of several load balancers that share the credits of every node. */
export interface BalancerShare {
  readonly count: number
  /** Position of this one among the sorted ids of all, from 0. */
  readonly index: number
  /** Grows by one a second or so: the odd credits go round, so that none is left out for long. */
  readonly turn?: number
}

/** What a load balancer knows of one worker node. */
export interface NodeLoad {
  readonly id: string
  readonly incarnation: number
  readonly slots: number
  /** Attempts running, as the node last said. */
  readonly active: number
  /** Dispatched and not yet reflected in `active`. */
  readonly inTransit: number
  /** Share of one core, 0 to 1. */
  readonly cpu: number
  /** Share of the node's memory limit, 0 to 1. */
  readonly memory: number
  /** 99th percentile of event-loop delay, milliseconds. */
  readonly lagMs: number
  /** Mean time an attempt takes, milliseconds. */
  readonly responseMs: number
  readonly draining: boolean
  readonly suspect: boolean
  /** Listed by Consul with passing checks. */
  readonly passing: boolean
  readonly heartbeatAgeMs: number
  /** Since its start, its recovery or its last change of incarnation; absent: it is warm. */
  readonly upMs?: number
  /** Slots' worth of processor and memory reserved by what is active; absent: one slot each. */
  readonly reservedCpu?: number
  readonly reservedMemory?: number
  /** The same for what is in transit. */
  readonly transitCpu?: number
  readonly transitMemory?: number
  /** From `ejectedOf`: nothing goes there, or one task that shows whether it may come back. */
  readonly ejected?: 'out' | 'probe' | undefined
}

/** What a task needs of its node. */
export interface Placement {
  readonly cpu: Level
  readonly memory: Level
  readonly excluded?: readonly string[] | undefined
  /** Tasks of one key go to one node while it has room. */
  readonly affinityKey?: string | undefined
  /** `advised`: the adviser may choose among the candidates, see `prepareAdvice`. */
  readonly placement?: PlacementMode | undefined
}

/** Limits of placement; `fleetLimits` fills in what depends on the fleet. */
export interface PlacementLimits {
  /** Older figures than this count as a full node, milliseconds. */
  readonly heartbeatAgeMaxMs: number
  /** Share of the node's credits this load balancer may spend; `balancers` is fairer. */
  readonly creditShare: number
  /** Which of how many load balancers this is. */
  readonly balancers?: BalancerShare
  /** A node is held back for this long after its start, milliseconds; absent: no node is. */
  readonly slowStartMs?: number
  /** What an attempt takes on the median node, milliseconds; absent: not known. */
  readonly typicalMs?: number
}
