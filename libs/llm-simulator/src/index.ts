export { createSimulator } from './simulator.ts'
export type { SimulatorControls, SimulatorOptions } from './controls.ts'
export type { Simulator } from './simulator.ts'
export type {
  CallCounts,
  CallOutcome,
  RefusalKind,
  SimulatorStats,
  StepCounts,
} from './counting/ledger.ts'
export type { FaultKind } from './settings/faults.ts'
export type { ScriptToolCall, ScriptTurn } from './reply/scripts.ts'
export type { SettingName, SimulatorSettings } from './settings/settings.ts'
export { QUIRKS, type Quirk } from './reply/quirks.ts'
