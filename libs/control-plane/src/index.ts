export {
  createDecisionRecorder,
  type DecisionDraft,
  type DecisionRecorder,
  type RecorderDeps,
} from './decision-recorder.ts'
export { followFleet, FRESH_MS, type FleetView } from './fleet-view.ts'
