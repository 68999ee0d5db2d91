import type { Readiness } from './service.ts'

/** A need that knows whether it is connected now. */
interface Connection {
  connected(): boolean
}

/** Returns the names of the unavailable needs. */
export function awayOf(needed: Readonly<Record<string, unknown>>): string[] {
  const away = ([, need]: readonly [string, unknown]) => isConnection(need) && !need.connected()
  return Object.entries(needed)
    .filter(away)
    .map(([name]) => name)
}

/**
 * The readiness of a service, from its own report and from its unavailable needs.
 *
 * An unavailable need is called `<name>-away`. One that the service works without is named in `degraded` and does
 * not make it unready: all replicas share the servers, so taking all of them out would turn a lesser service into
 * none. Any other need that is away makes the service unready.
 */
export function readinessOf(
  own: Readiness,
  away: readonly string[],
  worksWithout: readonly string[],
): Readiness {
  if (!own.ok) return own
  const missed = away.find((name) => !worksWithout.includes(name))
  if (missed !== undefined) return { ok: false, reason: `${missed}-away` }
  const degraded = [...(own.degraded ?? []), ...away.map((name) => `${name}-away`)]
  return degraded.length === 0 ? { ok: true } : { ok: true, degraded }
}

function isConnection(need: unknown): need is Connection {
  return (
    typeof need === 'object' &&
    need !== null &&
    'connected' in need &&
    typeof need.connected === 'function'
  )
}
