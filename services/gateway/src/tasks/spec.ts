import {
  resolveAgent,
  type AgentDefinition,
  type AgentPart,
  type DefinitionRef,
  type Json,
  type TaskSpec,
} from '@agentfleet/domain'
import { CONTEXT_LIMITS, jsonProblem, type FilledTaskRequest } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import { wrongField } from '../http/problems.ts'
import { specWaits } from './spec-waits.ts'

/** Assumed size of a body that is sent without its length, bytes. */
const BODY_UNKNOWN_BYTES = 64 * 1024

/** The longest `Prefer: wait` in seconds: proxies close silent requests after a minute. */
const WAIT_MAX_S = 60

/** The definition that completes a task; a definition sent with the task has no name. */
export interface FoundDefinition {
  readonly definition: AgentDefinition
  readonly ref?: DefinitionRef
}

/** The agent of a task that names none; it has no definition. */
export const DEFAULT_AGENT = 'assistant'
/** One hour: long for an agent, short enough that a stuck task does not stay for days. */
const DEFAULT_TIMEOUT_MS = 3_600_000

/**
 * Builds the spec: fields of the request first, then those of the agent's definition, then the
 * gateway's default model. Throws a Refusal.
 */
export function specOf(
  request: FilledTaskRequest,
  { defaultModel, clock }: { readonly defaultModel: string; readonly clock: Clock },
  found?: FoundDefinition,
): TaskSpec {
  const { task, cpu, memory, priority, maxAttempts } = request
  const asked = request as AgentPart
  const part = resolveAgent(asked, found?.definition ?? {})
  const { model = defaultModel, timeoutMs = DEFAULT_TIMEOUT_MS, ...rest } = part
  const role = request.agentDefinition?.role
  const spec: { -readonly [K in keyof TaskSpec]: TaskSpec[K] } = {
    task,
    agent: request.agent ?? role ?? DEFAULT_AGENT,
    model,
    cpu,
    memory,
    priority,
    timeoutMs,
    maxAttempts,
    ...rest,
  }
  if (found?.ref !== undefined) spec.definition = found.ref
  if (request.metadata !== undefined) spec.metadata = request.metadata
  if (request.affinityKey !== undefined) spec.affinityKey = request.affinityKey
  if (request.approvers === 'other-keys') spec.approvers = request.approvers
  // The default is omitted, which keeps most pointers small.
  if (request.placement === 'advised') spec.placement = request.placement
  Object.assign(spec, specWaits(request, clock.nowMs()))
  if (request.context !== undefined) spec.context = checkedContext(request.context)
  return spec
}

/** Returns the seconds that a Prefer header asks to wait; undefined if it asks for no valid wait (RFC 7240). */
export function waitSecondsOf(prefer: string | undefined): number | undefined {
  if (prefer === undefined) return undefined
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d+)"?\s*(?:$|[,;])/i.exec(prefer)
  const seconds = Number(match?.[1] ?? 0)
  return seconds >= 1 ? Math.min(seconds, WAIT_MAX_S) : undefined
}

/** Returns the idempotency key from the header or the body. Throws a Refusal if they differ. */
export function idempotencyKeyOf(
  { headers }: Pick<FastifyRequest, 'headers'>,
  body?: string,
): string | undefined {
  const header = headers['idempotency-key'] as string | undefined
  if (header !== undefined && body !== undefined && header !== body) {
    throw wrongField('/idempotencyKey', 'must equal the header Idempotency-Key or be omitted')
  }
  return header ?? body
}

/**
 * Refuses an idempotency key where the operation has none and repeating it is not safe: a caller who sends a key
 * expects that it is. `instead` says what to do.
 */
export function refuseIdempotencyKey(
  { headers }: Pick<FastifyRequest, 'headers'>,
  instead: string,
): void {
  if (headers['idempotency-key'] === undefined) return
  throw wrongField('header/idempotency-key', `must be omitted, ${instead}`)
}

/** Returns the bytes that the body of a request has by its headers. */
export function bodyBytesOf(headers: Readonly<Record<string, unknown>>): number {
  return Number(headers['content-length'] ?? BODY_UNKNOWN_BYTES)
}

/** Returns the context if it is within its limits; otherwise throws a Refusal. */
export function checkedContext(context: unknown): Json {
  const problem = jsonProblem(context, CONTEXT_LIMITS)
  if (problem !== undefined) throw wrongField('/context', problem)
  return context as Json
}
