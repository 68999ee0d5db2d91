import {
  DEFINITION_NAME,
  KEY_LIMITS,
  KEY_SECRETS_MAX,
  SCOPES,
  type ApiKey,
} from '@agentfleet/domain'
import { z } from 'zod'
import { text } from './text.ts'

/** Keys of the API and the record of their use, in the streams KEYS and AUDIT. */

const instant = z.number().int().nonnegative()
const positive = (max: number) => z.number().int().min(1).max(max)

/** One key, without its id, which is part of the subject. */
export const storedKeySchema = z
  .object({
    name: text(KEY_LIMITS.nameCharsMax),
    tenant: z.string().min(1).max(48),
    scopes: z.array(z.enum(SCOPES)).max(SCOPES.length),
    agents: z.array(z.string().regex(DEFINITION_NAME)).max(KEY_LIMITS.agentsMax).optional(),
    limits: z
      .object({
        requestsPerMinute: positive(KEY_LIMITS.requestsPerMinuteMax).optional(),
        concurrent: positive(KEY_LIMITS.concurrentMax).optional(),
      })
      .optional(),
    createdAtMs: instant,
    createdBy: z.string().max(128),
    expiresAtMs: instant.optional(),
    revokedAtMs: instant.optional(),
    secrets: z
      .array(z.object({ digest: z.string().max(64), untilMs: instant.optional() }))
      .max(KEY_SECRETS_MAX),
  })
  .transform((key) => key as Omit<ApiKey, 'id'>)

/** One change, change of unknown outcome, or refusal, in the stream AUDIT. */
export const auditEventSchema = z.object({
  atMs: instant,
  /** `unknown`: a change whose outcome the gateway does not know. */
  kind: z.enum(['change', 'unknown', 'refusal']),
  operation: text(64),
  /** The key that asked; absent: none was recognised. */
  keyId: text(128).optional(),
  tenant: text(64).optional(),
  /** The thing that was changed: the name of an agent, the id of a task. */
  target: text(256).optional(),
  address: text(64).optional(),
  status: z.number().int(),
  /** Of a refusal or of a change of unknown outcome. */
  code: text(64).optional(),
  /** Equal refusals of one second that this event stands for. */
  count: z.number().int().min(1),
})
export type AuditEvent = z.infer<typeof auditEventSchema>
