export { createSimulator, type Simulator } from './simulator.ts'
export type { SimulatorOptions } from './controls.ts'
export { QUIRKS } from './reply/quirks.ts'
