import { connectBus, openOps, streamSubjects, type Logger } from '@agentfleet/adapters'
import type { Fleet } from '@agentfleet/local'
import {
  nodeIdOf,
  snapshotSchema,
  STREAMS,
  SUBJECTS,
  verdictSchema,
  type Verdict,
} from '@agentfleet/protocol'

/** What was heard of a fleet whose nodes should all live. */
export interface Watch {
  /** Longest silence of each node between two beats, milliseconds; this process's own delays included. */
  silencesMs(): ReadonlyMap<string, number>
  /** How often a node was shown as something else than alive, by state. */
  shown(): ReadonlyMap<string, number>
  /** Every verdict that OPS holds, the last of each node. */
  verdicts(): Promise<readonly Verdict[]>
  close(): Promise<void>
}

/** Listens as the operator until it is closed. */
export async function watchFleet(fleet: Pick<Fleet, 'nats' | 'operator'>): Promise<Watch> {
  const bus = await connectBus({
    url: fleet.nats.url,
    ...fleet.operator,
    name: 'steady',
    inboxPrefix: '_INBOX_steady',
    log: silentLogger(),
  })
  const ops = openOps(bus)
  const heardAtMs = new Map<string, number>()
  const silencesMs = new Map<string, number>()
  const shown = new Map<string, number>()
  const seen: Verdict[] = []
  bus.subscribe(SUBJECTS.allBeats, ({ subject }) => {
    const nodeId = nodeIdOf(subject)
    const now = performance.now()
    const gapMs = now - (heardAtMs.get(nodeId) ?? now)
    heardAtMs.set(nodeId, now)
    silencesMs.set(nodeId, Math.max(gapMs, silencesMs.get(nodeId) ?? 0))
  })
  const states = new Map<string, string>()
  bus.subscribe(SUBJECTS.snapshot, (message) => {
    for (const { nodeId, state } of snapshotSchema.parse(JSON.parse(message.text())).nodes) {
      if (states.get(nodeId) === state) continue
      states.set(nodeId, state)
      if (state !== 'alive') shown.set(state, (shown.get(state) ?? 0) + 1)
    }
  })
  bus.subscribe(SUBJECTS.allVerdicts, (message) => {
    seen.push(verdictSchema.parse(JSON.parse(message.text())))
  })
  return {
    silencesMs: () => silencesMs,
    shown: () => shown,
    async verdicts() {
      // What is stored counts; what was heard besides is an earlier incarnation of the same node.
      const stored: Verdict[] = []
      for (const subject of await streamSubjects(bus, STREAMS.ops, SUBJECTS.allVerdicts)) {
        const last = await ops.lastVerdict(nodeIdOf(subject))
        if (last !== undefined) stored.push(last.verdict)
      }
      const key = ({ nodeId, incarnation }: Verdict): string => `${nodeId}.${incarnation}`
      return [...new Map([...seen, ...stored].map((one) => [key(one), one])).values()]
    },
    close: () => bus.close(),
  }
}

/** What is away for a moment comes back; only the outcome is worth a line. */
function silentLogger(): Logger {
  const quiet = (): void => undefined
  return { debug: quiet, info: quiet, warn: quiet, error: quiet }
}
