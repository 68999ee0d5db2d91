import type { TaskSpec } from '@agentfleet/domain'
import type { FastifyRequest } from 'fastify'
import { OPEN_KEY_ID } from '../http/auth.ts'
import { wrongField, type Refusal } from '../http/problems.ts'

/** Names the key that submits, as tasks record it; undefined on an open gateway, whose callers have none. */
export function submitterOf({ principal }: Pick<FastifyRequest, 'principal'>): string | undefined {
  return principal === undefined || principal.keyId === OPEN_KEY_ID ? undefined : principal.keyId
}

/**
 * Returns why no client could approve the task: it asks for the approval of another key than its submitter's, and it
 * was submitted without a key. Undefined: another key can.
 */
export function unapprovable(
  { approvers, submittedBy }: Pick<TaskSpec, 'approvers' | 'submittedBy'>,
  by: string | undefined,
): Refusal | undefined {
  if (approvers === undefined || submittedBy !== undefined || by !== undefined) return undefined
  return wrongField(
    '/approvers',
    'must not be other-keys in a request without a key, because no client could approve the task then; send the request with a key, or omit approvers',
  )
}
