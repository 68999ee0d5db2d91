import type { FastifyRequest } from 'fastify'
import { OPEN_KEY_ID } from '../http/auth.ts'

/** Names the key that submits, as tasks record it; undefined on an open gateway, whose callers have none. */
export function submitterOf({ principal }: Pick<FastifyRequest, 'principal'>): string | undefined {
  return principal === undefined || principal.keyId === OPEN_KEY_ID ? undefined : principal.keyId
}
