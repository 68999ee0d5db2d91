import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from '../http/problems.ts'

/** Things that have versions. */
type Versioned = 'definition' | 'schedule'

/** Compare-and-set rounds of a change; two concurrent writers finish within this many. */
export const STORE_TRIES = 5

/** The `ETag` of a version. */
export function etagOf(version: number): string {
  return `"${version}"`
}

/**
 * Throws a Refusal unless a definition or schedule is in the version that the request expects; `version` is
 * undefined if it does not exist.
 */
export function checkVersion(
  headers: IncomingHttpHeaders,
  what: Versioned,
  version: number | undefined,
): void {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifNoneMatch === '*' && version !== undefined) {
    const detail = `The ${what} exists in version ${version}. To change the ${what}, send If-Match: ${etagOf(version)}.`
    throw new Refusal('version-mismatch', detail)
  }
  if (ifMatch === undefined) return
  if (version === undefined) {
    const detail = `You have no ${what} with this name. Send the request without If-Match.`
    throw new Refusal('version-mismatch', detail)
  }
  if (ifMatch === '*' || ifMatch === etagOf(version)) return
  const detail = `The ${what} is now in version ${version}. Read the ${what}, then send your change with the new ETag.`
  throw new Refusal('version-mismatch', detail)
}

/** Refuses a change that other changes have overtaken in every round. */
export function overtaken(what: Versioned): Refusal {
  return new Refusal(
    'version-mismatch',
    `Other clients are changing the ${what} now. Read the ${what}, then send your change again.`,
  )
}
