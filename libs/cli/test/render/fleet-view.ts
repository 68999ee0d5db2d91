import type { FleetView } from '@agentfleet/protocol'

type Provider = FleetView['providers'][number]

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
