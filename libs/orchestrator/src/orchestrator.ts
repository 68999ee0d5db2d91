/**
 * The party that runs the processes of the nodes. The autoscaler sets their number, recovery looks at
 * single ones and has them replaced. Every call has a deadline and throws `orchestrator-unavailable`
 * when it fails; every change may be repeated.
 */
export interface Orchestrator {
  /** Name of the driver, as it stands in recorded decisions. */
  readonly driver: 'local' | 'kubernetes' | 'recommend'
  /** Whether its changes change the world; a driver that only recommends changes nothing. */
  readonly acts: boolean
  /** Whether it starts an ended process again by itself, in place and under the same id. */
  readonly restarts: boolean
  /** Every node process that is wanted up or still finishes its work. */
  list(): Promise<readonly NodeProcess[]>
  /**
   * Keeps this many processes up: an absolute count of all that `list` lists, without these victims and
   * without those that leave. Victims finish what they run and exit by themselves; no busy process is
   * ended at once.
   */
  setCount(count: number, victims: readonly string[]): Promise<void>
  /** What it knows of one process; undefined when it says nothing of single processes. */
  inspect(nodeId: string): Promise<ProcessView | undefined>
  /** Ends what is left of a process and has another one started; `gone`: there is no such process. */
  replace(nodeId: string): Promise<'ordered' | 'gone'>
  /** Has another process take the place of one that drains; `gone`: there is no such process. */
  retire(nodeId: string): Promise<'ordered' | 'gone'>
  /** Takes back what earlier changes left behind; the leader calls it while it changes nothing. */
  tidy(): Promise<void>
  close(): Promise<void>
}

/** One process of a node, whatever it does at the moment. */
export interface NodeProcess {
  readonly id: string
  readonly startedAtMs: number
  /** Ordered and not up yet: it counts as capacity, so that it is not ordered twice. */
  readonly starting?: boolean
  /** It finishes its work and no longer belongs to the count, even before a snapshot says so. */
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
