/** One process of a node, whatever it does at the moment. */
export interface NodeProcess {
  readonly id: string
  readonly startedAtMs: number
  /** Ordered and not up yet: it counts as capacity, so nobody orders it twice. */
  readonly starting?: boolean
  /** Asked to drain: it is none any more, also while nobody else has noticed. */
  readonly leaving?: boolean
}

/** Whoever runs the processes. */
export interface Orchestrator {
  /** Name of the driver, as it stands in recorded decisions. */
  readonly driver: string
  /** Whether `setCount` changes the world; a driver that only recommends does not. */
  readonly acts: boolean
  /** Every node process that is wanted up: starting, serving and drained over the bus. */
  nodes(): Promise<readonly NodeProcess[]>
  /**
   * Keeps this many processes up, an absolute count of all that `nodes` lists but for these victims,
   * which finish what they run and exit by themselves; nothing that is busy is ever ended at once.
   */
  setCount(count: number, victims: readonly string[]): Promise<void>
  /** Takes back what earlier changes left behind; the leader calls it while it changes nothing. */
  tidy?(): Promise<void>
  close?(): Promise<void>
}
