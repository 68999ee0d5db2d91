import {
  resolveAgent,
  type AgentDefinition,
  type AgentPart,
  type DefinitionRef,
  type Json,
  type TaskSpec,
} from '@agentfleet/domain'
import { CONTEXT_LIMITS, jsonProblem, type FilledTaskRequest } from '@agentfleet/protocol'
import { wrongField } from '../http/problems.ts'
import { specWaits } from './spec-waits.ts'

/** The longest wait of `Prefer: wait`, seconds: proxies close silent requests after a minute. */
const WAIT_MAX_S = 60

/** The definition of the agent that a task is resolved with; one of its own has no name. */
export interface FoundDefinition {
  readonly definition: AgentDefinition
  readonly ref?: DefinitionRef
}

/** The agent of a task that names none. */
const DEFAULT_AGENT = 'assistant'
/** An hour: long for an agent, short enough that nothing lies about for days. */
const DEFAULT_TIMEOUT_MS = 3_600_000

/**
 * What was asked for, with what the agent's definition says where the task says nothing, and the
 * gateway's model where neither does; throws a Refusal.
 */
export function specOf(
  request: FilledTaskRequest,
  defaultModel: string,
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
  // The usual way is left out: it is what absence means, and most pointers stay as small as they were.
  if (request.placement === 'advised') spec.placement = request.placement
  Object.assign(spec, specWaits(request, Date.now()))
  if (request.context !== undefined) {
    spec.context = checkedContext(request.context)
  }
  return spec
}

/** Seconds to wait by a Prefer header; undefined when it asks for no wait (RFC 7240: then ignored). */
export function waitSecondsOf(prefer: string | undefined): number | undefined {
  if (prefer === undefined) return undefined
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(prefer)
  const seconds = Number(match?.[1] ?? 0)
  return seconds >= 1 ? Math.min(seconds, WAIT_MAX_S) : undefined
}

/** The idempotency key of a submission, which may stand in the header or in the body. */
export function idempotencyKeyOf(header: string | undefined, body: string | undefined) {
  if (header !== undefined && body !== undefined && header !== body) {
    throw wrongField('/idempotencyKey', 'must equal the header Idempotency-Key or be omitted')
  }
  return header ?? body
}

/** The context of a task or goal, within its limits; throws a Refusal. */
export function checkedContext(context: unknown): Json {
  const problem = jsonProblem(context, CONTEXT_LIMITS)
  if (problem !== undefined) throw wrongField('/context', problem)
  return context as Json
}
