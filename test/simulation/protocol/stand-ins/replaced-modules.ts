import { vi } from 'vitest'

/** The modules of the product that the simulation replaces, in every file of its project. */
vi.mock('../../../../libs/runtime/src/loop.ts', async () => ({
  every: (await import('./loop.ts')).simulatedEvery,
}))
vi.mock('../../../../services/worker/src/heartbeat/heartbeats.ts', async () => ({
  createHeartbeats: (await import('./worker.ts')).createSimulatedHeartbeats,
}))
vi.mock('../../../../services/worker/src/llm/llm.ts', async () => ({
  createLlm: (await import('./worker.ts')).createSimulatedLlm,
}))
vi.mock('../../../../services/worker/src/metrics.ts', async () => ({
  createMetrics: (await import('./worker.ts')).createSimulatedMetrics,
}))
