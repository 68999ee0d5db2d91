/** What the heartbeats of a node say of its process. */
export type LivenessState = 'alive' | 'suspect' | 'dead'

/** States of a node as the health monitor shows it; `stalled`: it lives and does not progress. */
export type NodeState = LivenessState | 'stalled'

/** What is known of one node's heartbeats. */
export interface Heartbeats {
  readonly nodeId: string
  readonly incarnation: number
  /** When the last heartbeat came, on the monitor's own clock. */
  readonly lastHeartbeatAtMs: number
  /** Recent gaps between heartbeats, milliseconds. */
  readonly gapsMs: readonly number[]
}

/**
 * What a second source says of a silent node; `answering`: it answers pings, so only its heartbeats are
 * missing.
 */
export type Witness = 'connection-gone' | 'ping-failed' | 'consul-critical' | 'answering' | 'none'

/** Constants of detection. */
export interface LivenessLimits {
  /** A silence this much longer than usual is still not suspicious, milliseconds. */
  readonly pauseMs: number
  /** Least standard deviation of the gaps: a very regular node must not look ill at once. */
  readonly sigmaMinMs: number
  /** Greatest: a jittery past must not postpone a death beyond the detection target. */
  readonly sigmaMaxMs: number
  readonly suspectPhi: number
  readonly deadPhi: number
  /**
   * A witness that a paused process looks just like (`ping-failed`, `consul-critical`) counts only
   * after a silence this long, milliseconds.
   */
  readonly weakMs: number
  /** Without a second witness a silence this long is a death, milliseconds. */
  readonly aloneMs: number
  /** A node that answers pings is given this long to heartbeat again, milliseconds. */
  readonly answeringMs: number
}

/**
 * Heartbeats come every 500 ms. With a pause of 400 ms phi 5 is reached about 1.31 s and phi 8 about
 * 1.42 s (1.53 s with the greatest sigma) after the last heartbeat: a process whose connection is gone
 * has its death within 1.6 s. One that stands still for a second, at any moment, is silent for up
 * to 1.5 s and fails its pings meanwhile, and delays of a machine whose cores are all busy come on top
 * (1.7 s were seen at a load of 28 on two cores); tasks of one that stays frozen begin elsewhere within
 * 3 s all the same: `weakMs`. Method: Hayashibara et al., "The phi accrual failure detector".
 */
export const LIVENESS_LIMITS: LivenessLimits = {
  pauseMs: 400,
  sigmaMinMs: 100,
  sigmaMaxMs: 120,
  suspectPhi: 5,
  deadPhi: 8,
  weakMs: 2_500,
  aloneMs: 3_000,
  answeringMs: 10_000,
}

/** Heartbeats are sent at this interval, milliseconds. */
export const HEARTBEAT_INTERVAL_MS = 500

/**
 * A silence longer than this is late: worth a look for a second witness, milliseconds. One heartbeat
 * interval and the delays of a busy machine.
 */
export const LATE_AFTER_MS = 700

/** A longer gap is a pause or a loss, no sample of how regularly a node heartbeats, milliseconds. */
export const GAP_MAX_MS = 2 * HEARTBEAT_INTERVAL_MS

/** What the monitor concludes of one node. */
export interface LivenessDecision {
  readonly kind: LivenessState
  readonly reason: string
  readonly phi: number
}

/** -log10 of the probability that a heartbeat is still to come, for gaps that are normally spread. */
export function phi(silenceMs: number, gapsMs: readonly number[], limits: LivenessLimits): number {
  const count = gapsMs.length
  const sum = gapsMs.reduce((total, gap) => total + gap, 0)
  // A busy node heartbeats more often than it has to; when it falls back to its interval it is not ill.
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
  // ln(1 / (1 + e^x)): written so that neither end overflows and far silences still differ.
  const ln =
    exponent > 0 ? -exponent - Math.log1p(Math.exp(-exponent)) : -Math.log1p(Math.exp(exponent))
  return ln / Math.LN10
}

/**
 * Alive, suspect or dead, from heartbeats and a second witness. `doubtMs` is how late the observer itself
 * may be: that much of every silence is its own.
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

/** Only the loss of its connection tells a process that is gone from one that stands still. */
function confirms(witness: Witness, silenceMs: number, limits: LivenessLimits): boolean {
  if (witness === 'connection-gone') return true
  return witness !== 'none' && silenceMs >= limits.weakMs
}

/** What a heartbeat means for what is known of its node. */
export type HeartbeatDecision =
  | { readonly kind: 'take'; readonly reason: 'newer' | 'first' | 'resumed' }
  /** A new process under the name of one that was never declared dead: the old one is. */
  | { readonly kind: 'restarted'; readonly reason: 'new-process' }
  | { readonly kind: 'ignore'; readonly reason: 'older' | 'dead-incarnation' }

/** The parts of a heartbeat that order it. */
export interface HeartbeatOrder {
  readonly incarnation: number
  readonly version: number
  readonly startedAtMs: number
}

/** Orders heartbeats by (incarnation, version); a dead incarnation is never heard again. */
export function admitHeartbeat(
  known: (HeartbeatOrder & { readonly dead: boolean }) | undefined,
  heartbeat: HeartbeatOrder,
): HeartbeatDecision {
  if (known === undefined) return { kind: 'take', reason: 'first' }
  if (heartbeat.incarnation < known.incarnation) return { kind: 'ignore', reason: 'older' }
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

/** What the monitor knows of itself and of the whole fleet. */
export interface MonitorHealth {
  readonly ownLagMs: number
  /** How long the node in question has been silent. */
  readonly silenceMs: number
  readonly connectedForMs: number
  /** The broker has answered just now, so nothing it had for the monitor is still under way. */
  readonly brokerAnswers: boolean
  readonly nodes: number
  /** Nodes that stopped beating within the same short window, see `illnessOf`. */
  readonly ill: number
}

/** Whether a death may be given at all. */
export type DeathPermission =
  | { readonly kind: 'allow'; readonly reason: 'healthy' }
  | {
      readonly kind: 'withhold'
      readonly reason: 'own-lag' | 'broker-restarted' | 'broker-silent' | 'mass-illness'
    }

/** A lag above this makes the monitor's own clock the likelier culprit, milliseconds. */
const OWN_LAG_MAX_MS = 250
/**
 * A silence this many times the lag is the node's own after all: a monitor on a machine that is always
 * busy judges late, but it judges.
 */
const LAG_SILENCE_FACTOR = 20
/** Nodes need this long to reconnect after the broker was away, milliseconds. */
const BROKER_SETTLE_MS = 3_000
/** A third of the fleet ill at once is more likely the network than the nodes. */
const MASS_SHARE = 1 / 3
/** Two nodes of two or three may die together; a mass needs at least this many. */
const MASS_MIN = 3
/**
 * Silences that began within this window count as one illness, milliseconds. It is also the longest
 * a mass illness withholds deaths: what is cut off for longer is as good as dead.
 */
const MASS_WINDOW_MS = 5_000

/** Of the nodes that were there when the present illness began: how many it has taken. */
export function illnessOf(
  nodes: readonly { readonly state: LivenessState; readonly silenceMs: number }[],
): { readonly nodes: number; readonly ill: number } {
  const present = nodes.filter((node) => node.state !== 'dead' || node.silenceMs < MASS_WINDOW_MS)
  const ill = present.filter((node) => node.state !== 'alive' && node.silenceMs < MASS_WINDOW_MS)
  return { nodes: present.length, ill: ill.length }
}

/** No deaths while the monitor lags, the broker is away or just back, or a third looks ill at once. */
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
