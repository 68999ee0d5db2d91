import { plural } from '../text/figures.ts'
import type { HeldTenant } from '../tenant/held.ts'

/** What the status of a fleet needs of its last snapshot. */
interface FleetSeen {
  readonly nodes: readonly {
    readonly state: string
    readonly draining: boolean
    /** Whether Consul lists the node as healthy; absent: unknown. */
    readonly passing?: boolean | undefined
    readonly slots: number
    readonly active: number
  }[]
  readonly queued: number
  readonly running: number
}

/** Whether work flows, and the sentence that says so to people. */
interface FleetStatus {
  /** `degraded`: nodes take tasks, but other nodes are not alive. */
  readonly status: 'ok' | 'degraded' | 'no-available-nodes' | 'unknown'
  readonly explanation: string
}

/** Milliseconds. Snapshots arrive about every second; an older one says nothing about the present. */
const SNAPSHOT_AGE_MAX_MS = 5_000

/** Tenants that the sentence names; it counts further ones. */
const TENANTS_NAMED = 3

/**
 * Decides whether work flows in a fleet; `ageMs` is the time since the snapshot arrived, and `held` are the tenants
 * whose tasks wait for a limit of their tenant.
 */
export function fleetStatus(
  seen: FleetSeen | undefined,
  ageMs: number,
  held: readonly HeldTenant[] = [],
): FleetStatus {
  if (seen === undefined) {
    return {
      status: 'unknown',
      explanation:
        'The gateway has received no snapshot from a health monitor yet. The gateway still accepts and stores tasks.',
    }
  }
  if (ageMs > SNAPSHOT_AGE_MAX_MS) {
    const seconds = Math.round(ageMs / 1_000)
    return {
      status: 'unknown',
      explanation: `The state of the fleet is unknown: the last snapshot of the health monitor is ${seconds} s old.`,
    }
  }
  const { nodes, queued, running } = seen
  const able = nodes.filter(({ state, draining }) => state === 'alive' && !draining)
  const available = able.filter(({ passing }) => passing !== false)
  if (available.length === 0) {
    const unlisted =
      able.length === 0 ? '' : ` Living nodes that Consul does not list as healthy: ${able.length}.`
    return {
      status: 'no-available-nodes',
      explanation: `No node can take tasks now.${unlisted} Tasks that wait for a node: ${queued}.`,
    }
  }
  const free = available.reduce((sum, { slots, active }) => sum + Math.max(0, slots - active), 0)
  const room = `${available.length} of ${nodes.length} nodes take tasks; ${free} ${free === 1 ? 'slot is' : 'slots are'} free.`
  const ill = nodes.filter(({ state }) => state !== 'alive').length
  const flow = queued + running === 0 ? 'The fleet is ready and has no work' : 'Work flows'
  const others = ill === 1 ? '1 node is not alive' : `${ill} nodes are not alive`
  const buts = [
    ...(ill === 0 ? [] : [others]),
    ...(held.length === 0 ? [] : ['tasks wait for the limit of their tenant']),
  ]
  const but = buts.length === 0 ? '' : `, but ${buts.join(', and ')}`
  const explanation = [`${flow}${but}: ${room}`, ...heldSentences(held)].join(' ')
  return { status: ill === 0 ? 'ok' : 'degraded', explanation }
}

/** Says who waits for which limit, and what to do. */
function heldSentences(held: readonly HeldTenant[]): readonly string[] {
  if (held.length === 0) return []
  const named = held.slice(0, TENANTS_NAMED).map(({ tenant, waiting, concurrency }) => {
    const wait = waiting === 1 ? 'waits' : 'wait'
    return `${plural(waiting, 'task')} of the tenant ${tenant} ${wait} for its limit of ${plural(concurrency, 'running task')}.`
  })
  const more = held.length - named.length
  return [
    ...named,
    ...(more === 0 ? [] : [`Tenants that also wait for their limits: ${more}.`]),
    'They start when running tasks of the tenant end; an operator can raise concurrency in TENANT_LIMITS.',
  ]
}
