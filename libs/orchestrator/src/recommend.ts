import type { NodeProcess, Orchestrator } from './orchestrator.ts'

/** For fleets that people or other programs scale: it lists the nodes of the snapshot and changes nothing. */
export function createRecommender(heard: () => readonly NodeProcess[]): Orchestrator {
  return {
    driver: 'recommend',
    acts: false,
    restarts: false,
    list: async () => heard(),
    setCount: async () => undefined,
    inspect: async () => undefined,
    replace: async () => 'gone',
    retire: async () => 'gone',
    tidy: async () => undefined,
    close: async () => undefined,
  }
}
