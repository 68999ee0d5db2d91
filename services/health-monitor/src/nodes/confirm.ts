import type { Bus, Registry } from '@agentfleet/adapters'
import type { Witness } from '@agentfleet/domain'
import { CHANNELS } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { NODE_SERVICE } from './passing.ts'

/**
 * Second opinions on late nodes: a ping over the bus, and the health checks of Consul.
 *
 * Invariants: at most one ping is open for each node, and one request to Consul; an opinion expires
 * after WITNESS_VALID_MS, with the next heartbeat, and if the monitor was disconnected or late
 * while it formed. If Consul is unavailable, only its opinion is missing.
 */
export type Witnesses = ReturnType<typeof createWitnesses>

const PING_WITHIN_MS = 300
/** Milliseconds between two pings of one node. */
const PING_PAUSE_MS = 100
const WITNESS_VALID_MS = 1_000
const CONSUL_INTERVAL_MS = 1_000
/** Milliseconds; Consul's checks run every second, so an answer is up to that old anyway. */
const CONSUL_VALID_MS = 2_000
/** Milliseconds; with more lag a late answer says more about the monitor than about the node. */
const LAG_MAX_MS = 100

/** Creates the witnesses; they send no request before `look`. */
export function createWitnesses(deps: {
  readonly bus: Bus
  readonly registry: Pick<Registry, 'critical'>
  readonly log: Logger
  readonly nowMs: () => number
  readonly ownLagMs: () => number
}) {
  const { bus, registry, log, nowMs, ownLagMs } = deps
  const opinions = new Map<string, { readonly witness: Witness; readonly atMs: number }>()
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
    // The node was heard in the meantime, so this ping describes the past.
    if (pinging.get(nodeId) !== mark) return
    pinging.delete(nodeId)
    let witness: Witness = 'none'
    // A refusal also proves that the process is alive.
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
      log.debug(
        { err: error },
        'Consul does not answer; the monitor decides without the checks of Consul',
      )
    } finally {
      asking = false
    }
  }

  return {
    /** Asks about a node unless a question is open. */
    look(nodeId: string): void {
      void askConsul()
      if (pinging.has(nodeId) || !bus.connected()) return
      if (nowMs() - (opinions.get(nodeId)?.atMs ?? -Infinity) < PING_PAUSE_MS) return
      void ping(nodeId)
    },
    /** Returns the present opinions about a node. */
    of(nodeId: string, draining: boolean): Witness {
      const opinion = opinions.get(nodeId)
      if (opinion && opinion.witness !== 'none' && nowMs() - opinion.atMs <= WITNESS_VALID_MS) {
        return opinion.witness
      }
      // A draining node answers its check with 503 on purpose.
      const known = critical !== undefined && nowMs() - critical.atMs <= CONSUL_VALID_MS
      return known && !draining && critical?.ids.has(nodeId) ? 'consul-critical' : 'none'
    },
    /** Drops the opinions about a node that sent a heartbeat or was removed. */
    forget(nodeId: string): void {
      opinions.delete(nodeId)
      pinging.delete(nodeId)
    },
  }
}
