import type { SimulatorStats, StepCounts } from './counting/ledger.ts'
import type { Violations } from './counting/limiter.ts'
import type { ScriptTurn } from './reply/scripts.ts'
import type { SimulatorSettings } from './settings/settings.ts'

/** How a simulator starts: any setting, and scripts by name. */
export type SimulatorOptions = Partial<SimulatorSettings> & {
  readonly scripts?: Readonly<Record<string, readonly ScriptTurn[]>>
}

/** What can be asked of and changed in a running simulator; the same as its `/sim` surface. */
export interface SimulatorControls {
  readonly stats: () => SimulatorStats & { readonly violations: Violations }
  readonly settings: () => SimulatorSettings
  /** Changes settings, or returns everything that is wrong and changes nothing. */
  readonly configure: (patch: Readonly<Record<string, unknown>>) => readonly string[]
  /** Adds or replaces a script, or returns everything that is wrong with it. */
  readonly addScript: (name: unknown, turns: unknown) => readonly string[]
  /** Calls of one task, step by step. */
  readonly callsOf: (taskId: string) => StepCounts[]
  /** Steps that were asked for more than once. */
  readonly repeatedCalls: (limit: number) => (StepCounts & { readonly taskId: string })[]
  /** Zeroes counters, fills budgets, starts the dice again; scripts and settings stay. */
  readonly reset: () => void
}
