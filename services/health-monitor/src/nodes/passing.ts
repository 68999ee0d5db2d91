import type { Registry } from '@agentfleet/adapters'

/** The name under which nodes are registered in Consul. */
export const NODE_SERVICE = 'agent-worker'

/**
 * Which nodes Consul lists as passing, as load balancers see it too: while Consul is unavailable its last
 * list stands. Invariant: nothing is said of any node before the first list has come.
 */
export type PassingNodes = ReturnType<typeof followPassing>

/** Follows Consul's list of nodes; `changed` is called after every new list. */
export function followPassing(registry: Pick<Registry, 'watch'>, changed: () => void) {
  let listed: ReadonlySet<string> | undefined
  const watch = registry.watch(NODE_SERVICE, (ids) => {
    listed = new Set(ids)
    changed()
  })
  return { passing: (nodeId: string) => listed?.has(nodeId), close: () => watch.close() }
}
