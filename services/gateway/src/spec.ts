import type { Json, TaskSpec } from '@agentfleet/domain'
import type { FilledTaskRequest } from '@agentfleet/protocol'
import { Refusal } from './problems.ts'

/** Deeper JSON breaks recursive readers further on, ours and those of others. */
const CONTEXT_DEPTH_MAX = 64
/** The longest wait of `Prefer: wait`, seconds: proxies close silent requests after a minute. */
const WAIT_MAX_S = 60

/** What was asked for, with the gateway's model where none was named; throws a Refusal. */
export function specOf(request: FilledTaskRequest, defaultModel: string): TaskSpec {
  const { task, agent, cpu, memory, priority, timeoutMs, maxAttempts } = request
  const spec: { -readonly [K in keyof TaskSpec]: TaskSpec[K] } = {
    task,
    agent,
    model: request.model ?? defaultModel,
    cpu,
    memory,
    priority,
    timeoutMs,
    maxAttempts,
  }
  if (request.systemPrompt !== undefined) spec.systemPrompt = request.systemPrompt
  if (request.maxOutputTokens !== undefined) spec.maxOutputTokens = request.maxOutputTokens
  if (request.metadata !== undefined) spec.metadata = request.metadata
  if (request.affinityKey !== undefined) spec.affinityKey = request.affinityKey
  // The usual way is left out: it is what absence means, and most pointers stay as small as they were.
  if (request.placement === 'advised') spec.placement = request.placement
  if (request.context !== undefined) {
    if (!withinDepth(request.context, CONTEXT_DEPTH_MAX)) {
      const detail = `must be at most ${CONTEXT_DEPTH_MAX} levels deep`
      throw new Refusal('invalid-request', `Correct the request: /context ${detail}.`, [
        { pointer: '/context', detail },
      ])
    }
    spec.context = request.context as Json
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
    const detail = 'must be the same as the header Idempotency-Key, or left out'
    throw new Refusal('invalid-request', `Correct the request: /idempotencyKey ${detail}.`, [
      { pointer: '/idempotencyKey', detail },
    ])
  }
  return header ?? body
}

function withinDepth(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return true
  if (levels === 0) return false
  const inner: unknown[] = Array.isArray(value) ? value : Object.values(value)
  return inner.every((each) => withinDepth(each, levels - 1))
}
