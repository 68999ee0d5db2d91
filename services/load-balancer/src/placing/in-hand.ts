import type { Level } from '@agentfleet/domain'
import type { Pointer } from '@agentfleet/protocol'

/** A task in hand: a fetched pointer, or a task that was handed over without a pointer. */
export interface Held {
  readonly pointer: Pointer
  /** The queue for a pointer, needed while the task has none. */
  readonly priority: Level
  readonly ackSubject: string | undefined
  /** The pointer came from the queue of tasks that run already, not from a queue of its tenant. */
  readonly running: boolean
  /** Only a fenced start may run it (L3); set when a node returns it, too. */
  fenced: boolean
  /** The node that already runs the task and should adopt the pointer; cleared if it refuses. */
  runsAt: string | undefined
  /** Why it was placed on its node. */
  why: Why | undefined
  /** The notes have issued a pointer for this task, which had none: only that pointer leads to another start (L8). */
  issued: boolean
  heldSinceMs: number
}

/** Why tasks go to a node; tasks of one round and node share it. */
export interface Why {
  readonly reason: string
  /** The number of nodes that were considered. */
  readonly considered: number
}
