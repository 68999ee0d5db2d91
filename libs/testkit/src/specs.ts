import type { TaskSpec } from '@agentfleet/domain'

/** A valid spec of the simplest task, for tests to which its content does not matter. */
export const PLAIN_SPEC = {
  task: 'x',
  agent: 'assistant',
  model: 'echo',
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  timeoutMs: 60_000,
  maxAttempts: 3,
} as const satisfies TaskSpec
