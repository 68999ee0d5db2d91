import type { NodeTenants } from '@agentfleet/protocol'
import type { Run } from './runs.ts'

/** Counts the runs of each tenant, and the same by the load balancer process that gave them. */
export function countTenants(
  runs: Iterable<Pick<Run, 'tenant' | 'giver'>>,
): Omit<NodeTenants, 'nodeId'> {
  // Maps, because a tenant may have the name of something that every object has, such as `constructor`.
  const tenants = new Map<string, number>()
  const givers = new Map<string, Map<string, number>>()
  for (const { tenant, giver } of runs) {
    add(tenants, tenant)
    const given = givers.get(giver) ?? new Map<string, number>()
    givers.set(giver, given)
    add(given, tenant)
  }
  const given = [...givers].map(([giver, counts]) => [giver, Object.fromEntries(counts)] as const)
  return { tenants: Object.fromEntries(tenants), givers: Object.fromEntries(given) }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
