export { createDecisionRecorder } from './decision-recorder.ts'
export type {
  DecisionDraft,
  DecisionRecorder,
  RecorderDeps,
  RecordOptions,
} from './decision-recorder.ts'
export { followFleet, FRESH_MS } from './fleet-view.ts'
export type { FleetView } from './fleet-view.ts'
