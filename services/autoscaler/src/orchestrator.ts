/** One process of a node, whatever it does at the moment. */
export interface NodeProcess {
  readonly id: string
  readonly startedAtMs: number
}

/** Whoever runs the processes. */
export interface Orchestrator {
  /** Name of the driver, as it stands in recorded decisions. */
  readonly driver: string
  /** Every node process that has not exited: starting, serving and draining ones. */
  nodes(): Promise<readonly NodeProcess[]>
  /**
   * Keeps this many processes up, an absolute count of all that `nodes` lists but for these victims,
   * which are asked to drain and exit by themselves; nothing that is busy is ever ended.
   */
  setCount(count: number, victims: readonly string[]): Promise<void>
}
