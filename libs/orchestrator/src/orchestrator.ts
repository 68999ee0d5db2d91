/**
 * The interface to the system that runs the node processes. The autoscaler sets their number; recovery
 * inspects single processes and has them replaced. Every call has a deadline and throws
 * `orchestrator-unavailable` when it fails; every change may be repeated.
 */
export interface Orchestrator {
  /** Name of the driver in recorded decisions. */
  readonly driver: 'local' | 'kubernetes' | 'recommend'
  /** Whether its changes are carried out; a driver that only recommends changes nothing. */
  readonly acts: boolean
  /** Whether it restarts an ended process by itself, in place and under the same id. */
  readonly restarts: boolean
  /** Every node process that is ordered or still finishes its work. */
  list(): Promise<readonly NodeProcess[]>
  /**
   * Keeps this many processes up: an absolute count of all that `list` returns, without these victims and
   * without those that leave. Victims finish their runs and exit by themselves; no busy process is ended at
   * once.
   */
  setCount(count: number, victims: readonly string[]): Promise<void>
  /** The orchestrator's report on one process; undefined when it has none. */
  inspect(nodeId: string): Promise<ProcessView | undefined>
  /** Ends the rest of a process and has another process started; `gone`: the process does not exist. */
  replace(nodeId: string): Promise<'ordered' | 'gone'>
  /** Starts another process in place of a process that drains; `gone`: the process does not exist. */
  retire(nodeId: string): Promise<'ordered' | 'gone'>
  /** Removes leftovers of earlier changes; the leader calls it while it changes nothing. */
  tidy(): Promise<void>
  close(): Promise<void>
}

/** One process of a node, in any state. */
export interface NodeProcess {
  readonly id: string
  readonly startedAtMs: number
  /** Ordered and not up yet: it counts as capacity, so that it is not ordered twice. */
  readonly starting?: boolean
  /** It finishes its work and no longer counts, even before a snapshot shows that. */
  readonly leaving?: boolean
}

/** A process as its orchestrator sees it. */
export interface ProcessView {
  /** The process has ended, or its replacement is under way. */
  readonly gone: boolean
  readonly restarts: number
  readonly outOfMemory: boolean
  /** The machine that it runs on. */
  readonly host?: string
}
