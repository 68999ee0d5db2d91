/** States of a worker node as the health monitor sees it. */
export type NodeState = 'alive' | 'suspect' | 'dead'

/** What is known of one node's beats. */
export interface Beats {
  readonly nodeId: string
  readonly incarnation: number
  /** When the last beat came, on the monitor's own clock. */
  readonly lastBeatAtMs: number
  /** Recent gaps between beats, milliseconds. */
  readonly gapsMs: readonly number[]
}

/** What a second source says of a silent node. */
export type Witness = 'connection-gone' | 'ping-failed' | 'consul-critical' | 'none'

/** Constants of detection. */
export interface LivenessLimits {
  /** A silence this much longer than usual is still not suspicious, milliseconds. */
  readonly pauseMs: number
  /** Least standard deviation of the gaps: a very regular node must not look ill at once. */
  readonly sigmaMinMs: number
  readonly suspectPhi: number
  readonly deadPhi: number
  /** Without a second witness a silence this long is a death, milliseconds. */
  readonly aloneMs: number
}

/**
 * Beats come every 500 ms. With a pause of 500 ms phi 5 is reached about 1.4 s and phi 8 about
 * 1.6 s after the last beat; source of the method: Hayashibara et al., "The phi accrual failure
 * detector"; of the constants: the project's design.
 */
export const LIVENESS_LIMITS: LivenessLimits = {
  pauseMs: 500,
  sigmaMinMs: 100,
  suspectPhi: 5,
  deadPhi: 8,
  aloneMs: 3_000,
}

/** Beats are sent at this interval, milliseconds. */
export const BEAT_INTERVAL_MS = 500

/** What the monitor concludes of one node. */
export interface LivenessDecision {
  readonly kind: NodeState
  readonly reason: string
  readonly phi: number
}

/** -log10 of the probability that a beat is still to come, for gaps that are normally spread. */
export function phi(silenceMs: number, gapsMs: readonly number[], limits: LivenessLimits): number {
  const count = gapsMs.length
  const mean = count === 0 ? BEAT_INTERVAL_MS : gapsMs.reduce((sum, gap) => sum + gap, 0) / count
  const variance = count === 0 ? 0 : gapsMs.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / count
  const sigma = Math.max(limits.sigmaMinMs, Math.sqrt(variance))
  const y = (silenceMs - mean - limits.pauseMs) / sigma
  // Logistic approximation of the normal tail, as Akka's detector uses.
  const e = Math.exp(-y * (1.5976 + 0.070566 * y * y))
  const tail = y > 0 ? e / (1 + e) : 1 - 1 / (1 + e)
  return tail <= 0 ? Infinity : -Math.log10(tail)
}

/** Alive, suspect or dead, from beats and a second witness. */
export function classifyNode(
  beats: Beats,
  witness: Witness,
  limits: LivenessLimits,
  nowMs: number,
): LivenessDecision {
  const silenceMs = nowMs - beats.lastBeatAtMs
  const level = phi(silenceMs, beats.gapsMs, limits)
  if (level < limits.suspectPhi) return { kind: 'alive', reason: 'beats', phi: level }
  if (level >= limits.deadPhi && witness !== 'none') {
    return { kind: 'dead', reason: witness, phi: level }
  }
  if (silenceMs >= limits.aloneMs) return { kind: 'dead', reason: 'silence', phi: level }
  return { kind: 'suspect', reason: 'late-beats', phi: level }
}

/** What the monitor knows of itself and of the whole fleet. */
export interface MonitorHealth {
  readonly ownLagMs: number
  readonly connectedForMs: number
  readonly nodes: number
  /** Nodes that stopped beating within the same short window. */
  readonly ill: number
}

/** Whether a verdict may be given at all. */
export type VerdictPermission =
  | { readonly kind: 'allow'; readonly reason: 'healthy' }
  | { readonly kind: 'withhold'; readonly reason: 'own-lag' | 'broker-restarted' | 'mass-illness' }

/** A lag above this makes the monitor's own clock the likelier culprit, milliseconds. */
const OWN_LAG_MAX_MS = 250
/** Nodes need this long to reconnect after the broker was away, milliseconds. */
const BROKER_SETTLE_MS = 3_000
/** A third of the fleet ill at once is more likely the network than the nodes. */
const MASS_SHARE = 1 / 3
/** Two nodes of two or three may die together; a mass needs at least this many. */
const MASS_MIN = 3

/** No verdicts while the monitor lags, the broker just came back, or a third looks ill at once. */
export function admitVerdict(health: MonitorHealth): VerdictPermission {
  if (health.ownLagMs > OWN_LAG_MAX_MS) return { kind: 'withhold', reason: 'own-lag' }
  if (health.connectedForMs < BROKER_SETTLE_MS) {
    return { kind: 'withhold', reason: 'broker-restarted' }
  }
  if (health.ill >= MASS_MIN && health.ill >= health.nodes * MASS_SHARE) {
    return { kind: 'withhold', reason: 'mass-illness' }
  }
  return { kind: 'allow', reason: 'healthy' }
}
