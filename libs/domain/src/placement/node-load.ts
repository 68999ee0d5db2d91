import type { Level, PlacementMode } from '../task/spec.ts'

/** The inputs of a placement: nodes, the needs of a task, and the limits. */

/** One of several load balancers that share the credits of every node. */
export interface BalancerShare {
  readonly count: number
  /** Position of this load balancer among the sorted ids of all load balancers, from 0. */
  readonly index: number
  /** Grows about once a second: leftover credits rotate, so that no balancer is left out for long. */
  readonly turn?: number
}

/** A load balancer's knowledge of one worker node. */
export interface NodeLoad {
  readonly id: string
  readonly incarnation: number
  readonly slots: number
  /** Attempts running, as the node last reported. */
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
  /**
   * Milliseconds since its start, its recovery or its last change of incarnation; absent if its slow start is
   * over.
   */
  readonly upMs?: number
  /** Slots' worth of processor and memory reserved by active attempts; absent: one slot each. */
  readonly reservedCpu?: number
  readonly reservedMemory?: number
  /** The same for attempts in transit. */
  readonly transitCpu?: number
  readonly transitMemory?: number
  /** From `ejectedOf`: the node gets nothing, or one task that shows whether it may return. */
  readonly ejected?: 'out' | 'probe' | undefined
}

/** The needs of a task. */
export interface Placement {
  readonly cpu: Level
  readonly memory: Level
  readonly excluded?: readonly string[] | undefined
  /** Tasks of one key go to one node while it has room. */
  readonly affinityKey?: string | undefined
  /** `advised`: the adviser may choose among the candidates, see `prepareAdvice`. */
  readonly placement?: PlacementMode | undefined
}

/** Limits of placement; `fleetLimits` fills in those that depend on the fleet. */
export interface PlacementLimits {
  /** A node with older figures than this counts as full, milliseconds. */
  readonly heartbeatAgeMaxMs: number
  /** The index of this load balancer, and the number of load balancers; absent: it is the only one. */
  readonly balancers?: BalancerShare
  /** A node starts slowly for this long, milliseconds; absent: no node does. */
  readonly slowStartMs?: number
  /** Time of an attempt on the median node, milliseconds; absent: unknown. */
  readonly typicalMs?: number
}
