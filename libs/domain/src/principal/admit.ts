import { given } from '../collections/given.ts'

/** The rights that a caller can have; no scope includes another. */
export const SCOPES = [
  'tasks:read',
  'tasks:write',
  'tasks:approve',
  'agents:write',
  'fleet:read',
  'admin',
] as const
/** One right of a caller. */
export type Scope = (typeof SCOPES)[number]

/** Limits of one key; each counts over all gateways. */
export interface KeyLimits {
  /** Requests in a minute. */
  readonly requestsPerMinute?: number
  /** Requests and streams that are open at once. */
  readonly concurrent?: number
}

/** The limits of a key; undefined if it has none. */
export function keyLimits(
  requestsPerMinute: number | undefined,
  concurrent: number | undefined,
): KeyLimits | undefined {
  if (requestsPerMinute === undefined && concurrent === undefined) return undefined
  return given({ requestsPerMinute, concurrent })
}

/** The caller of a request, as its credential describes it. */
export interface Principal {
  /** Names the credential in logs, events and the audit log; it is not secret. */
  readonly keyId: string
  readonly tenant: string
  readonly scopes: readonly Scope[]
  readonly expiresAtMs?: number
  readonly revokedAtMs?: number
  /** The start of the digest of the secret that the caller presented; absent: it has no key of the API. */
  readonly secretId?: string
  /** When this secret ends, because the key has another one. */
  readonly secretUntilMs?: number
  /** The only agents that its tasks may use; absent: all. */
  readonly agents?: readonly string[]
  readonly limits?: KeyLimits
}

/** Whether a caller may use an operation now, and why not. */
export type Admitted =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly reason: 'revoked' | 'expired' | 'rotated' | 'scope' }

const ALLOWED: Admitted = { kind: 'allowed' }

/** Decides whether the principal may use an operation of this scope; undefined: any valid key may. */
export function admit(principal: Principal, scope: Scope | undefined, nowMs: number): Admitted {
  const { revokedAtMs, expiresAtMs, secretUntilMs, scopes } = principal
  if (revokedAtMs !== undefined) return { kind: 'refused', reason: 'revoked' }
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
    return { kind: 'refused', reason: 'expired' }
  }
  if (secretUntilMs !== undefined && secretUntilMs <= nowMs) {
    return { kind: 'refused', reason: 'rotated' }
  }
  if (scope !== undefined && !scopes.includes(scope)) return { kind: 'refused', reason: 'scope' }
  return ALLOWED
}

/** Whether the principal's tasks may use this agent. */
export function mayUseAgent({ agents }: Pick<Principal, 'agents'>, agent: string): boolean {
  return agents === undefined || agents.includes(agent)
}
