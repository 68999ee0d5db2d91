import type { Mutation } from '../mutation.ts'

/** Retries: what is retried, when, and how often. */
export const RETRIES: readonly Mutation[] = [
  {
    name: 'attempts-max',
    safeguard: 'a task fails after its last allowed attempt (L7)',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: 'if (failures >= record.spec.maxAttempts) {',
        replace: 'if (failures >= Infinity) {',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /is final as the last one allowed/,
    because: /to deeply equal/,
  },
  {
    name: 'not-retryable',
    safeguard: 'a failure that would repeat ends the task',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: 'if (!failure.retryable) return',
        replace: 'if (!failure.retryable && nowMs < 0) return',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /is final when it says so/,
    because: /to deeply equal/,
  },
  {
    name: 'retry-within-lifetime',
    safeguard: 'no retry is planned after the lifetime of the task',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: 'if (retryAtMs >= deadlineAtMs(record)) {',
        replace: 'if (retryAtMs < 0) {',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /when the retry would come too late/,
    because: /kind: 'retry'/,
  },
  {
    name: 'begin-backoff',
    safeguard: 'a retry does not begin before it is due',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: 'record.retryAtMs !== undefined && nowMs < record.retryAtMs) {',
        replace: 'record.retryAtMs !== undefined && nowMs < 0) {',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /waits for a retry that is not due/,
    because: /kind: 'start'/,
  },
  {
    name: 'backoff-grows',
    safeguard: 'the pause between attempts grows',
    edits: [
      {
        file: 'libs/domain/src/backoff.ts',
        find: 'limits.baseMs * 2 ** Math.min(failures - 1, 30))',
        replace: 'limits.baseMs)',
      },
    ],
    tests: ['libs/domain/test/llm/rate-limit.test.ts'],
    caughtBy: /wait longer for an overloaded provider/,
    because: /to be 120000/,
  },
  {
    name: 'retry-after',
    safeguard: 'a retry is not earlier than the provider asked for',
    edits: [
      {
        file: 'libs/domain/src/backoff.ts',
        find: 'return delayMs + Math.min(RETRY_AFTER_MAX_MS, Math.max(0, retryAfterMs ?? 0))',
        replace: 'return delayMs',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /no sooner than the provider asked for/,
    because: /to match object/,
  },
  {
    name: 'retry-after-bound',
    safeguard: 'a provider cannot delay a task without end (L7)',
    edits: [
      {
        file: 'libs/domain/src/backoff.ts',
        find: 'Math.min(RETRY_AFTER_MAX_MS, Math.max(0, retryAfterMs ?? 0))',
        replace: 'Math.max(0, retryAfterMs ?? 0)',
      },
    ],
    tests: ['libs/domain/test/llm/rate-limit.test.ts'],
    caughtBy: /begin no earlier than the provider has asked/,
    because: /expected 86400500 to be 600500/,
  },
  {
    name: 'retry-class',
    safeguard: 'timeouts are repeated fewer times than the task allows',
    edits: [
      {
        file: 'libs/domain/src/llm/retry-policy.ts',
        find: 'if (backoff !== undefined && failures >= failuresMax) return undefined',
        replace: 'if (backoff !== undefined && failures >= Infinity) return undefined',
      },
    ],
    tests: ['libs/domain/test/llm/rate-limit.test.ts'],
    caughtBy: /end after fewer attempts for timeouts/,
    because: /to be undefined/,
  },
  {
    name: 'client-error',
    safeguard: 'a request that the provider refuses is not repeated',
    edits: [
      {
        file: 'libs/domain/src/llm/failure.ts',
        find: "if (status >= 500 || PASSING.includes(status)) return 'provider-unavailable'",
        replace: "if (status >= 400) return 'provider-unavailable'",
      },
    ],
    tests: ['libs/domain/test/llm/failure.test.ts'],
    caughtBy: /the HTTP status 401 of a provider leads to/,
    because: /provider-unavailable/,
  },
  {
    name: 'breaker-opens',
    safeguard: 'a circuit breaker opens after failures in a row',
    edits: [
      {
        file: 'libs/domain/src/llm/breaker.ts',
        find: "if (failures < limits.failuresMax) return { kind: 'closed', failures }",
        replace: "if (failures < Infinity) return { kind: 'closed', failures }",
      },
    ],
    tests: ['libs/domain/test/llm/breaker.test.ts'],
    caughtBy: /opens after several failures in a row, and forgets/,
    because: /kind: 'allow'/,
  },
  {
    name: 'breaker-one-probe',
    safeguard: 'a single call finds out whether a provider is back',
    edits: [
      {
        file: 'libs/domain/src/llm/breaker.ts',
        find: "const probing: Breaker = { kind: 'probing', untilMs, opened: breaker.opened }",
        replace:
          "const probing: Breaker = { kind: 'probing', untilMs: nowMs, opened: breaker.opened }",
      },
    ],
    tests: ['libs/domain/test/llm/breaker.test.ts'],
    caughtBy: /lets one call through when the time for which the breaker opened is over/,
    because: /kind: 'deny'/,
  },
]
