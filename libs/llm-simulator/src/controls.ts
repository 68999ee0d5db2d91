import type { SimulatorStats, StepCounts } from './counting/ledger.ts'
import type { Violations } from './counting/limiter.ts'
import type { ScriptTurn } from './reply/scripts.ts'
import type { SimulatorSettings } from './settings/settings.ts'

/** The initial state of a simulator: any setting, and scripts by name. */
export type SimulatorOptions = Partial<SimulatorSettings> & {
  readonly scripts?: Readonly<Record<string, readonly ScriptTurn[]>>
}

/** The functions of a running simulator; the same as its `/sim` surface. */
export interface SimulatorControls {
  readonly stats: () => SimulatorStats & { readonly violations: Violations }
  readonly settings: () => SimulatorSettings
  /** Changes settings, or returns every problem and changes nothing. */
  readonly configure: (patch: Readonly<Record<string, unknown>>) => readonly string[]
  /** Adds or replaces a script, or returns every problem of it. */
  readonly addScript: (name: unknown, turns: unknown) => readonly string[]
  /** Calls of one task, step by step. */
  readonly callsOf: (taskId: string) => StepCounts[]
  /** Steps that were requested more than once. */
  readonly repeatedCalls: (limit: number) => (StepCounts & { readonly taskId: string })[]
  /** Zeroes counters, fills budgets, restarts the dice; scripts and settings stay. */
  readonly reset: () => void
}
