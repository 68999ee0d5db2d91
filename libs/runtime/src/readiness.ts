import type { Readiness } from './service.ts'

/** A need that knows whether it is connected now. */
interface Connection {
  connected(): boolean
}

/** Returns the unavailable needs, each as `<name>-away`. */
export function awayOf(needed: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(needed).flatMap(([name, need]) =>
    isConnection(need) && !need.connected() ? [`${name}-away`] : [],
  )
}

/**
 * The readiness of a service, from its own report and from its unavailable needs.
 *
 * A need that the service works without is named in `degraded` and does not make it unready: all replicas
 * share the servers, so taking all of them out would turn a lesser service into none. Any other need that is
 * away makes the service unready.
 */
export function readinessOf(
  own: Readiness,
  away: readonly string[],
  worksWithout: readonly string[],
): Readiness {
  if (!own.ok) return own
  const tolerated = (reason: string): boolean =>
    worksWithout.some((name) => reason === `${name}-away`)
  const reason = away.find((one) => !tolerated(one))
  if (reason !== undefined) return { ok: false, reason }
  const degraded = [...(own.degraded ?? []), ...away]
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
