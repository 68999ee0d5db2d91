import { decideIssuerRead, type IssuerState } from '@agentfleet/domain'
import type { Clock, Logger } from '@agentfleet/runtime'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { Refusal } from '../../http/problems.ts'

/** Waits for the keys of the issuer, milliseconds. */
const WITHIN_MS = 3_000
/** Real issuers publish some kilobytes. */
const BYTES_MAX = 262_144

const UNAVAILABLE = new Refusal(
  'issuer-unavailable',
  'The gateway cannot read the keys of the token issuer. Send the request again after Retry-After seconds.',
)

/**
 * Finds the key of a token among those that the issuer publishes at one address. A token cannot name another
 * address or bring its key. `decideIssuerRead` says when the gateway asks the issuer; a question that fails leaves the
 * keys of the last answer.
 */
export function createIssuerKeys(
  url: URL,
  {
    clock,
    log,
  }: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly log: Pick<Logger, 'warn'> },
) {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let state: IssuerState = { readAtMs: undefined, askedAtMs: undefined, failed: false }
  let reading: Promise<void> | undefined
  let generation = 0

  async function readOnce(): Promise<void> {
    state = { ...state, askedAtMs: clock.monotonicMs() }
    try {
      keys = createLocalJWKSet(await fetchKeys(url))
      generation += 1
      state = { ...state, readAtMs: clock.monotonicMs(), failed: false }
    } catch (error) {
      state = { ...state, failed: true }
      log.warn({ err: error }, 'The gateway could not read the keys of the token issuer')
    }
  }

  /** All tokens that wait share one question. */
  function read(): Promise<void> {
    reading ??= readOnce().finally(() => (reading = undefined))
    return reading
  }

  const held = async (...token: Parameters<JWTVerifyGetKey>) => {
    if (keys === undefined) throw new errors.JWKSNoMatchingKey()
    return await keys(...token)
  }

  /** Returns the key that a token names; throws an error of jose if the issuer does not publish it. */
  const find: JWTVerifyGetKey = async (header, token) => {
    const found = await held(header, token).catch(ifUnknown)
    const { kind } = decideIssuerRead(state, found !== undefined, clock.monotonicMs())
    if (kind === 'use-and-read') void read()
    if (kind.startsWith('use') && found !== undefined) return found
    if (kind === 'unavailable' && reading === undefined) throw UNAVAILABLE
    if (kind === 'read' || reading !== undefined) await read()
    if (state.failed) throw UNAVAILABLE
    return await held(header, token)
  }

  return {
    find,
    /** The number of the set of keys that the gateway holds; each set that it reads has a higher one. */
    generation: () => generation,
    /**
     * Reads the keys again for a signature that fits none of this generation, unless there is a newer one. False if it
     * is too early, or the issuer does not answer.
     */
    async renewed(checked: number): Promise<boolean> {
      if (checked < generation) return true
      const { kind } = decideIssuerRead(state, false, clock.monotonicMs())
      if (kind !== 'read' && reading === undefined) return false
      await read()
      return !state.failed
    },
  }
}

function ifUnknown(error: unknown): undefined {
  if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
}

/** Reads the keys; throws unless the issuer itself answers 200 with a key set of a bounded size. */
async function fetchKeys(url: URL): Promise<JSONWebKeySet> {
  const signal = AbortSignal.timeout(WITHIN_MS)
  const headers = { accept: 'application/json, application/jwk-set+json' }
  const answer = await fetch(url, { signal, redirect: 'error', headers })
  if (answer.status !== 200 || answer.body === null) {
    await answer.body?.cancel()
    throw new Error(`JWT_JWKS_URL answered ${answer.status}; it must answer 200 with a key set`)
  }
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of answer.body) {
    bytes += part.length
    if (bytes > BYTES_MAX) throw new Error(`JWT_JWKS_URL sent more than ${BYTES_MAX} bytes`)
    parts.push(part)
  }
  // createLocalJWKSet checks its form.
  return JSON.parse(Buffer.concat(parts).toString('utf8')) as JSONWebKeySet
}
