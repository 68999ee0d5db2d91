import type { FleetView, NodeView } from '@agentfleet/protocol'

type Provider = FleetView['providers'][number]

/** A node that has run for two minutes at the time of the tests. */
export const NODE: NodeView = {
  id: 'worker-1',
  state: 'alive',
  incarnation: 1,
  slots: 512,
  active: 28,
  queued: 0,
  cpu: 0.41,
  memory: 0.2,
  memoryBytes: 273_000_000,
  lagMs: 5,
  responseMs: 1_300,
  completed: 1_778,
  failed: 2,
  draining: false,
  startedAt: '2026-01-31T11:58:05.000Z',
  heartbeatAgeMs: 80,
}

/** A fleet without nodes and work; `parts` replace its parts. */
export function fleetWith(parts: Partial<FleetView>): FleetView {
  return {
    status: 'ok',
    explanation: 'The fleet is idle.',
    nodes: [],
    queued: 0,
    running: 0,
    balancers: [],
    providers: [],
    history: [],
    ...parts,
  }
}

/** A provider whose calls one node has paused after an error. */
export function pausedProvider(parts: Partial<Provider>): Provider {
  return {
    provider: 'openai',
    model: 'gpt',
    nodes: 1,
    calls: 12,
    breaker: 'open',
    closedForMs: 0,
    learned: [],
    ...parts,
  }
}
