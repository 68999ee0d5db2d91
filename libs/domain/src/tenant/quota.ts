/**
 * The limit of a tenant at one of several gateways, which admit at the same time.
 *
 * A coordinator announces what the tenant holds, and each gateway may admit its part of the rest. An announcement
 * covers some gateways' tasks earlier than others', so a gateway also leaves room for what the others may have
 * admitted since the oldest announcement that it remembers. Invariant: QUOTA-1: together the gateways never
 * admit more than the limit, if what they admit is announced before they forget the announcement before it.
 */
interface QuotaView {
  /** What the tenant holds by the latest announcement. */
  readonly held: number
  /** The least that it held by any announcement that the gateway remembers. */
  readonly heldLeast: number
  /** What this gateway has admitted and the latest announcement does not cover. */
  readonly own: number
  readonly gateways: number
  /** Whether this gateway gets the places that cannot be divided among the gateways. */
  readonly first: boolean
}

/** How much more this gateway may admit below the limit; it may be negative. */
export function quotaRoom(limit: number, view: QuotaView): number {
  const { held, heldLeast, own, gateways, first } = view
  const part = (places: number) => Math.floor(places / gateways) + (first ? places % gateways : 0)
  const rest = Math.max(0, limit - held)
  const atLeast = Math.max(0, limit - heldLeast)
  const ofOthers = atLeast - part(atLeast)
  return Math.min(part(rest), rest - ofOthers) - own
}
