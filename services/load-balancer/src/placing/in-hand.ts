import type { Level } from '@agentfleet/domain'
import type { Pointer } from '@agentfleet/protocol'

/** A task in hand: a fetched pointer, or one handed over that has none yet. */
export interface Held {
  readonly pointer: Pointer
  /** Queue that a pointer would stand in; needed while there is none. */
  readonly priority: Level
  readonly ackSubject: string | undefined
  /** Only a fenced start may run it (L3). */
  readonly fenced: boolean
  /** The node that runs it already and is to take on the pointer; cleared when it will not. */
  runsAt: string | undefined
  /** Why it goes where it was placed. */
  why: Why | undefined
  heldSinceMs: number
}

/** Why tasks go to a node; those of one round and node share it. */
export interface Why {
  readonly reason: string
  /** Nodes that were considered. */
  readonly considered: number
}
