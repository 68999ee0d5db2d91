/**
 * Five times the largest intended fleet: each service ignores further nodes, so that names cost bounded memory and a
 * snapshot of all nodes fits one message (L7).
 */
export const NODES_MAX = 5_000

/** Conclusions from a node's heartbeats about its process. */
export type LivenessState = 'alive' | 'suspect' | 'dead'

/** States of a node as the health monitor shows it; `stalled`: it is alive and does not progress. */
export type NodeState = LivenessState | 'stalled'

/** The heartbeats of one node, as the monitor remembers them. */
interface Heartbeats {
  /** When the last heartbeat arrived, on the monitor's own clock. */
  readonly lastHeartbeatAtMs: number
  /** Recent gaps between heartbeats, milliseconds. */
  readonly gapsMs: readonly number[]
}

/**
 * A second source's report on a silent node; `answering`: it answers pings, so only its heartbeats are missing.
 */
export type Witness = 'connection-gone' | 'ping-failed' | 'consul-critical' | 'answering' | 'none'

/**
 * Constants of detection. Heartbeats arrive every 500 ms. With a pause of 400 ms phi 5 is reached about 1.31 s and
 * phi 8 about 1.42 s (1.53 s with the greatest sigma) after the last heartbeat: a process whose connection is gone is
 * declared dead within 1.6 s. A process that is frozen for a second, at any moment, is silent for up to 1.5 s and
 * fails its pings meanwhile, and a machine whose cores are all busy adds delays (1.7 s at a load of 28 on two
 * cores were measured). Tasks of a process that stays frozen still begin elsewhere within 3 s: `weakMs`.
 * Method: Hayashibara et al., "The phi accrual failure detector".
 */
export const LIVENESS_LIMITS = {
  /** A silence this much longer than usual is not yet suspicious, milliseconds. */
  pauseMs: 400,
  /**
   * Least standard deviation of the gaps: a small delay of a very regular node must not look like a failure.
   */
  sigmaMinMs: 100,
  /** Greatest standard deviation: a jittery past must not postpone a death beyond the detection target. */
  sigmaMaxMs: 120,
  suspectPhi: 5,
  deadPhi: 8,
  /**
   * A sign that a paused process gives too (`ping-failed`, `consul-critical`) counts only after a silence
   * this long, milliseconds.
   */
  weakMs: 2_500,
  /** Without a second witness, a node is declared dead after a silence this long, milliseconds. */
  aloneMs: 3_000,
  /** A node that answers pings has this long to send heartbeats again, milliseconds. */
  answeringMs: 10_000,
} as const
/** Constants of detection. */
export type LivenessLimits = Readonly<Record<keyof typeof LIVENESS_LIMITS, number>>

/** Heartbeats are sent at this interval, milliseconds. */
export const HEARTBEAT_INTERVAL_MS = 500

/**
 * After a silence longer than this the monitor asks a second witness, milliseconds. One heartbeat interval
 * and the delays of a busy machine.
 */
export const LATE_AFTER_MS = 700

/** A longer gap is a pause or a loss and not a sample of the node's regularity, milliseconds. */
export const GAP_MAX_MS = 2 * HEARTBEAT_INTERVAL_MS

/** The monitor's conclusion about one node. */
export interface LivenessDecision {
  readonly kind: LivenessState
  readonly reason: string
  readonly phi: number
}

/** -log10 of the probability that a heartbeat still arrives, for normally distributed gaps. */
export function phi(silenceMs: number, gapsMs: readonly number[], limits: LivenessLimits): number {
  const count = gapsMs.length
  const sum = gapsMs.reduce((total, gap) => total + gap, 0)
  // A busy node sends more heartbeats than it has to; when it returns to its interval it is not failing.
  const mean = count === 0 ? HEARTBEAT_INTERVAL_MS : Math.max(HEARTBEAT_INTERVAL_MS, sum / count)
  const variance =
    count === 0 ? 0 : gapsMs.reduce((total, gap) => total + (gap - mean) ** 2, 0) / count
  const sigma = Math.min(limits.sigmaMaxMs, Math.max(limits.sigmaMinMs, Math.sqrt(variance)))
  const y = (silenceMs - mean - limits.pauseMs) / sigma
  return -log10NormalTail(y)
}

/** log10 of the normal tail by the logistic approximation that Akka's detector uses. */
function log10NormalTail(y: number): number {
  const exponent = y * (1.5976 + 0.070566 * y * y)
  // ln(1 / (1 + e^x)): written so that neither end overflows and very long silences still differ.
  const ln =
    exponent > 0 ? -exponent - Math.log1p(Math.exp(-exponent)) : -Math.log1p(Math.exp(exponent))
  return ln / Math.LN10
}

/**
 * Alive, suspect or dead, from heartbeats and a second witness. `doubtMs` is the observer's possible delay:
 * that much of every silence may be its own fault.
 */
export function classifyNode(
  heartbeats: Heartbeats,
  witness: Witness,
  limits: LivenessLimits,
  nowMs: number,
  doubtMs = 0,
): LivenessDecision {
  const silenceMs = Math.max(0, nowMs - heartbeats.lastHeartbeatAtMs - doubtMs)
  const level = phi(silenceMs, heartbeats.gapsMs, limits)
  if (level < limits.suspectPhi) return { kind: 'alive', reason: 'heartbeats', phi: level }
  if (witness === 'answering') {
    return silenceMs >= limits.answeringMs
      ? { kind: 'dead', reason: 'silence', phi: level }
      : { kind: 'suspect', reason: 'answers-without-heartbeats', phi: level }
  }
  if (level >= limits.deadPhi && confirms(witness, silenceMs, limits)) {
    return { kind: 'dead', reason: witness, phi: level }
  }
  if (silenceMs >= limits.aloneMs) return { kind: 'dead', reason: 'silence', phi: level }
  return { kind: 'suspect', reason: 'late-heartbeats', phi: level }
}

/** Only the loss of its connection distinguishes an ended process from a frozen one. */
function confirms(witness: Witness, silenceMs: number, limits: LivenessLimits): boolean {
  if (witness === 'connection-gone') return true
  return witness !== 'none' && silenceMs >= limits.weakMs
}

/** Updates the memory of a node by one heartbeat. */
export type HeartbeatDecision =
  | { readonly kind: 'take'; readonly reason: 'newer' | 'first' | 'resumed' }
  /** A new process with the name of a node that was never declared dead: the old one has ended. */
  | { readonly kind: 'restarted'; readonly reason: 'new-process' }
  | {
      readonly kind: 'ignore'
      /** `behind`: a new process whose clock says less than that of an earlier one; it has to take a higher incarnation. */
      readonly reason: 'older' | 'dead-incarnation' | 'behind'
    }

/** The fields by which heartbeats are ordered. */
interface HeartbeatOrder {
  readonly incarnation: number
  readonly version: number
  readonly startedAtMs: number
}

/** Orders heartbeats by (incarnation, version); heartbeats of a dead incarnation are ignored for ever. */
export function admitHeartbeat(
  known: (HeartbeatOrder & { readonly dead: boolean }) | undefined,
  heartbeat: HeartbeatOrder,
): HeartbeatDecision {
  if (known === undefined) return { kind: 'take', reason: 'first' }
  if (heartbeat.incarnation < known.incarnation) {
    const same = heartbeat.startedAtMs === known.startedAtMs
    return { kind: 'ignore', reason: same ? 'older' : 'behind' }
  }
  if (heartbeat.incarnation > known.incarnation) {
    if (known.dead || heartbeat.startedAtMs === known.startedAtMs) {
      return { kind: 'take', reason: 'resumed' }
    }
    return { kind: 'restarted', reason: 'new-process' }
  }
  if (known.dead) return { kind: 'ignore', reason: 'dead-incarnation' }
  if (heartbeat.version <= known.version) return { kind: 'ignore', reason: 'older' }
  return { kind: 'take', reason: 'newer' }
}

/** The monitor's knowledge of itself and of the whole fleet. */
export interface MonitorHealth {
  readonly ownLagMs: number
  /** How long the node in question has been silent. */
  readonly silenceMs: number
  readonly connectedForMs: number
  /** The broker has just answered, so it holds no undelivered message for the monitor. */
  readonly brokerAnswers: boolean
  readonly nodes: number
  /** Nodes that fell silent within the same short window, see `illnessOf`. */
  readonly ill: number
}

type DeathPermission =
  | { readonly kind: 'allow'; readonly reason: 'healthy' }
  | {
      readonly kind: 'withhold'
      readonly reason: 'own-lag' | 'broker-restarted' | 'broker-silent' | 'mass-illness'
    }

/** Above this lag the monitor's own clock is the likelier cause, milliseconds. */
const OWN_LAG_MAX_MS = 250
/**
 * A silence this many times the lag is the node's fault in any case: a monitor on a busy machine declares
 * nodes dead later, but it does.
 */
const LAG_SILENCE_FACTOR = 20
/** Nodes need this long to reconnect after the broker was unavailable, milliseconds. */
const BROKER_SETTLE_MS = 3_000
/** If a third of the fleet is silent at once, the cause is more likely the network than the nodes. */
const MASS_SHARE = 1 / 3
/** Two nodes of two or three may die together; a mass illness has at least this many. */
const MASS_MIN = 3
/**
 * Silences that began within this window count as one illness, milliseconds. This is also the longest time
 * that a mass illness delays deaths: a node that is cut off for longer counts as dead.
 */
const MASS_WINDOW_MS = 5_000

/** How many of the nodes that existed when the present illness began have fallen silent. */
export function illnessOf(
  nodes: readonly { readonly state: LivenessState; readonly silenceMs: number }[],
): { readonly nodes: number; readonly ill: number } {
  const present = nodes.filter((node) => node.state !== 'dead' || node.silenceMs < MASS_WINDOW_MS)
  const ill = present.filter((node) => node.state !== 'alive' && node.silenceMs < MASS_WINDOW_MS)
  return { nodes: present.length, ill: ill.length }
}

/**
 * No deaths while the monitor lags, the broker is unavailable or just back, or a third of the fleet
 * falls silent at once.
 */
export function decideDeath(health: MonitorHealth): DeathPermission {
  const lag = health.ownLagMs
  if (lag > OWN_LAG_MAX_MS && health.silenceMs < lag * LAG_SILENCE_FACTOR) {
    return { kind: 'withhold', reason: 'own-lag' }
  }
  if (health.connectedForMs < BROKER_SETTLE_MS) {
    return { kind: 'withhold', reason: 'broker-restarted' }
  }
  if (health.ill >= MASS_MIN && health.ill >= health.nodes * MASS_SHARE) {
    return { kind: 'withhold', reason: 'mass-illness' }
  }
  if (!health.brokerAnswers) return { kind: 'withhold', reason: 'broker-silent' }
  return { kind: 'allow', reason: 'healthy' }
}
