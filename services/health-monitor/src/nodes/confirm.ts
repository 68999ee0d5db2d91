import type { Bus, Registry } from '@agentfleet/adapters'
import type { Witness } from '@agentfleet/domain'
import { CHANNELS } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { NODE_SERVICE } from './passing.ts'

/**
 * Second opinions on late nodes: a ping over the bus, and Consul's checks.
 *
 * Invariants: at most one ping is out for each node and one question to Consul; an opinion is void
 * after WITNESS_VALID_MS, when the node heartbeats again, and when the monitor itself was away or late
 * while it was formed. Consul away: no opinion of Consul, nothing else changes.
 */
export interface Witnesses {
  /** Asks about a node, unless that is being done. */
  look(nodeId: string): void
  /** What is known of it now. */
  of(nodeId: string, draining: boolean): Witness
  /** It was heard, or is gone: earlier opinions are void. */
  forget(nodeId: string): void
}

const PING_WITHIN_MS = 300
/** Between two pings of one node, milliseconds. */
const PING_PAUSE_MS = 100
const WITNESS_VALID_MS = 1_000
const CONSUL_INTERVAL_MS = 1_000
/** Checks run every second; an answer is as old as that anyway, milliseconds. */
const CONSUL_VALID_MS = 2_000
/** With a lag above this a late answer says more about the monitor, milliseconds. */
const LAG_MAX_MS = 100

interface Opinion {
  readonly witness: Witness
  readonly atMs: number
}

/** Creates the witnesses; nobody is asked before `look`. */
export function createWitnesses(deps: {
  readonly bus: Bus
  readonly registry: Pick<Registry, 'critical'>
  readonly log: Logger
  readonly nowMs: () => number
  readonly ownLagMs: () => number
}): Witnesses {
  const { bus, registry, log, nowMs, ownLagMs } = deps
  const opinions = new Map<string, Opinion>()
  const pinging = new Map<string, symbol>()
  let critical: { ids: ReadonlySet<string>; atMs: number } | undefined
  let consulAskedAtMs = -Infinity
  let asking = false

  const ping = async (nodeId: string): Promise<void> => {
    const mark = Symbol(nodeId)
    pinging.set(nodeId, mark)
    let reconnected = false
    const unlisten = bus.onReconnect(() => (reconnected = true))
    const reply = await bus.ask(CHANNELS.ping, {}, PING_WITHIN_MS, { nodeId })
    unlisten()
    // Heard in the meantime: whatever this ping says is about the past.
    if (pinging.get(nodeId) !== mark) return
    pinging.delete(nodeId)
    let witness: Witness = 'none'
    // A refusal is an answer as well: the process lives.
    if (reply.kind === 'reply' || reply.kind === 'refused') witness = 'answering'
    else if (reply.kind === 'no-responders') witness = 'connection-gone'
    else if (bus.connected() && !reconnected && ownLagMs() <= LAG_MAX_MS) witness = 'ping-failed'
    opinions.set(nodeId, { witness, atMs: nowMs() })
  }

  const askConsul = async (): Promise<void> => {
    if (asking || nowMs() - consulAskedAtMs < CONSUL_INTERVAL_MS) return
    asking = true
    consulAskedAtMs = nowMs()
    try {
      critical = { ids: new Set(await registry.critical(NODE_SERVICE)), atMs: nowMs() }
    } catch (error) {
      log.debug({ err: error }, 'Consul does not answer: one witness less')
    } finally {
      asking = false
    }
  }

  return {
    look(nodeId) {
      void askConsul()
      if (pinging.has(nodeId) || !bus.connected()) return
      if (nowMs() - (opinions.get(nodeId)?.atMs ?? -Infinity) < PING_PAUSE_MS) return
      void ping(nodeId)
    },
    of(nodeId, draining) {
      const opinion = opinions.get(nodeId)
      if (opinion && opinion.witness !== 'none' && nowMs() - opinion.atMs <= WITNESS_VALID_MS) {
        return opinion.witness
      }
      // A draining node says 503 to its check on purpose.
      const known = critical !== undefined && nowMs() - critical.atMs <= CONSUL_VALID_MS
      return known && !draining && critical?.ids.has(nodeId) ? 'consul-critical' : 'none'
    },
    forget(nodeId) {
      opinions.delete(nodeId)
      pinging.delete(nodeId)
    },
  }
}
