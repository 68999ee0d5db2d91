export type { NodeProcess, Orchestrator, ProcessView } from './orchestrator.ts'
export { openOrchestrator, orchestratorEnv, orchestratorProblems } from './open.ts'
export type { OrchestratorConfig, OrchestratorDeps } from './open.ts'
