/** Whoever runs the processes of the fleet, as far as recovery needs it. */
export interface Orchestrator {
  readonly driver: 'local' | 'kubernetes' | 'recommend'
  /** It can put another process in the place of one. */
  readonly replaces: boolean
  /** It starts an ended process again by itself, in place. */
  readonly restarts: boolean
  /** What it says of the process; undefined: nothing. Throws `orchestrator-unavailable`. */
  look(nodeId: string): Promise<ProcessView | undefined>
  /**
   * Ends what is left of a process and has another one started. May be repeated. `gone`: there was
   * nothing to replace any more. Throws `orchestrator-unavailable`.
   */
  replace(nodeId: string): Promise<'ordered' | 'gone'>
  /** Has another process take the place of one that drains. Throws `orchestrator-unavailable`. */
  retire(nodeId: string): Promise<'ordered' | 'gone'>
}

/** A process as its orchestrator sees it. */
export interface ProcessView {
  /** It is no more, or its replacement is under way. */
  readonly gone: boolean
  readonly restarts: number
  readonly outOfMemory: boolean
  /** The machine that it runs on. */
  readonly host?: string
}

/** Touches nothing: incidents say what somebody else should do. */
export function createRecommender(): Orchestrator {
  return {
    driver: 'recommend',
    replaces: false,
    restarts: false,
    look: async () => undefined,
    replace: async () => 'gone',
    retire: async () => 'gone',
  }
}
