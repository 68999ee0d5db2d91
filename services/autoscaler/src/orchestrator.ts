/** One process of a node, whatever it does at the moment. */
export interface NodeProcess {
  readonly id: string
  readonly startedAtMs: number
}

/** Whoever runs the processes. */
export interface Orchestrator {
  /** Every node process that has not exited: starting, serving and draining ones. */
  nodes(): Promise<readonly NodeProcess[]>
  /**
   * Asks for this many processes and for these to drain and exit. The count is absolute and counts
   * draining ones until they are gone; nothing that is busy is ever ended.
   */
  setCount(count: number, victims: readonly string[]): Promise<void>
}
