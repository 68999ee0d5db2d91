import { connectBus, openOps, streamSubjects } from '@agentfleet/adapters'
import type { Fleet } from '@agentfleet/local'
import {
  nodeIdIn,
  STREAMS,
  SUBJECTS,
  deathSchema,
  type Death,
  CHANNELS,
} from '@agentfleet/protocol'
import { silentLog } from '../fleet/silent-log.ts'

/** Observations of a fleet whose nodes should all live. */
export interface Watch {
  /** Longest silence of each node between two heartbeats, milliseconds; this process's own delays included. */
  silencesMs(): ReadonlyMap<string, number>
  /** How often a node had another state than alive, by state. */
  shown(): ReadonlyMap<string, number>
  /** Every death that OPS holds, the last of each node. */
  deaths(): Promise<readonly Death[]>
  close(): Promise<void>
}

/** Listens as the operator until it is closed. */
export async function watchFleet(fleet: Pick<Fleet, 'nats' | 'operator'>): Promise<Watch> {
  const bus = await connectBus({
    url: fleet.nats.url,
    ...fleet.operator,
    name: 'steady',
    inboxPrefix: '_INBOX_steady',
    log: silentLog(),
  })
  const ops = openOps(bus)
  const heardAtMs = new Map<string, number>()
  const silencesMs = new Map<string, number>()
  const shown = new Map<string, number>()
  const seen: Death[] = []
  bus.on(CHANNELS.heartbeat, ({ nodeId }) => {
    const now = performance.now()
    const gapMs = now - (heardAtMs.get(nodeId) ?? now)
    heardAtMs.set(nodeId, now)
    silencesMs.set(nodeId, Math.max(gapMs, silencesMs.get(nodeId) ?? 0))
  })
  const states = new Map<string, string>()
  bus.on(CHANNELS.snapshot, ({ nodes }) => {
    for (const { nodeId, state } of nodes) {
      if (states.get(nodeId) === state) continue
      states.set(nodeId, state)
      if (state !== 'alive') shown.set(state, (shown.get(state) ?? 0) + 1)
    }
  })
  bus.subscribe(SUBJECTS.allDeaths, (message) => {
    seen.push(deathSchema.parse(JSON.parse(message.text())))
  })
  return {
    silencesMs: () => silencesMs,
    shown: () => shown,
    async deaths() {
      // The stored death counts; an observed one may concern an earlier incarnation of the same node.
      const stored: Death[] = []
      for (const subject of await streamSubjects(bus, STREAMS.ops, SUBJECTS.allDeaths)) {
        const last = await ops.lastDeath(nodeIdIn(CHANNELS.death, subject))
        if (last !== undefined) stored.push(last)
      }
      const key = ({ nodeId, incarnation }: Death): string => `${nodeId}.${incarnation}`
      return [...new Map([...seen, ...stored].map((one) => [key(one), one])).values()]
    },
    close: () => bus.close(),
  }
}
