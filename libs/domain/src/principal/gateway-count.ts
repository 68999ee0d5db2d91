/**
 * How many gateways serve the fleet, as one of them knows it.
 *
 * Each gateway announces itself once a second; each coordinator announces twice a second how many gateways it has
 * heard. A gateway that starts is counted a moment later, a coordinator that starts counts too few at first, and a
 * gateway without a connection is no longer counted. Invariant: while messages take less than SETTLE_MS, no gateway
 * relies on a number below that of the gateways that rely on one.
 */
export type GatewayCount = number | undefined

/** What a gateway has heard; times are of a clock that never steps. */
export interface GatewaysHeard {
  /** The time since which announcements have arrived without a gap. */
  readonly sinceMs: number
  readonly lastMs: number
  /** The numbers of the last SETTLE_MS. */
  readonly counts: readonly { readonly count: number; readonly atMs: number }[]
  /** The largest of them. */
  readonly most: number
}

/** By then every coordinator has heard a new gateway, and every gateway has heard its number. */
const SETTLE_MS = 3_000
/** Shorter than the time after which coordinators forget a gateway that they do not hear (5 s). */
const SILENCE_MS = 4_000

/** Notes an announcement. */
export function hearGateways(
  heard: GatewaysHeard | undefined,
  count: number,
  nowMs: number,
): GatewaysHeard {
  const broken = heard === undefined || nowMs - heard.lastMs >= SILENCE_MS
  const recent = heard?.counts.filter(({ atMs }) => nowMs - atMs < SETTLE_MS) ?? []
  // Of equal numbers in a row only the last counts, so that many coordinators make no long list.
  const others = recent.filter((each) => each.count !== count)
  const counts = [...others, { count, atMs: nowMs }]
  const most = Math.max(...counts.map((each) => each.count))
  return { sinceMs: broken ? nowMs : heard.sinceMs, lastMs: nowMs, counts, most }
}

/** The number on which the gateway may rely; undefined while it has not listened for long, or hears nothing. */
export function gatewayCount(heard: GatewaysHeard | undefined, nowMs: number): GatewayCount {
  if (heard === undefined || nowMs - heard.lastMs >= SILENCE_MS) return undefined
  return nowMs - heard.sinceMs < SETTLE_MS ? undefined : heard.most
}
