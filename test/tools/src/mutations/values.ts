import type { Mutation } from './mutation.ts'

/** Values: limits on both sides of the gateway, users' schemas, formats of stored items. */
export const VALUES: readonly Mutation[] = [
  {
    name: 'budget-max',
    safeguard: 'the bus refuses a budget that no client may ask for',
    edits: [
      {
        file: 'libs/protocol/src/values/spec-schema.ts',
        find: 'tokens: integer(1, LIMITS.budgetTokensMax).optional(),',
        replace: 'tokens: z.number().optional(),',
      },
    ],
    tests: ['test/contract/values.test.ts'],
    caughtBy: /when it is an invalid value of the field/,
    because: /tokens type/,
  },
  {
    name: 'task-characters',
    safeguard: 'the bus accepts every text that the document accepts',
    edits: [
      {
        file: 'libs/protocol/src/values/text.ts',
        find: 'value.length <= charsMax || Array.from(value).length <= charsMax',
        replace: 'value.length <= charsMax',
      },
    ],
    tests: ['test/contract/values.test.ts'],
    caughtBy: /passes the schemas of the gateway, the log and the bus/,
    because: /Property failed/,
  },
  {
    name: 'context-depth',
    safeguard: 'the context of a task has a depth that every reader can handle',
    edits: [
      {
        file: 'libs/protocol/src/values/json-limits.ts',
        find: "if (levels === 0) return 'depth'",
        replace: 'if (levels === 0) return undefined',
      },
    ],
    tests: ['test/contract/values.test.ts'],
    caughtBy: /when it is a value of context that no request can contain/,
    because: /expected true to be false/,
  },
  {
    name: 'not-before-past',
    safeguard: 'a task does not wait for a time in the distant past',
    edits: [
      {
        file: 'services/gateway/src/tasks/spec-waits.ts',
        find: 'if (nowMs - atMs > SPEC_LIMITS.notBeforePastMsMax) {',
        replace: 'if (nowMs - atMs > Infinity) {',
      },
    ],
    tests: ['services/gateway/test/tasks/spec.test.ts'],
    caughtBy: /a task cannot wait for/,
    because: /to throw/,
  },
  {
    name: 'schema-expansion',
    safeguard: 'a schema whose references double is refused before it runs',
    edits: [
      {
        file: 'libs/answer-schema/src/answer-checks.ts',
        find: 'if (expandedSize(schema) <= EXPANDED_MAX) return undefined',
        replace: 'if (expandedSize(schema) <= Infinity) return undefined',
      },
    ],
    tests: ['libs/answer-schema/test/answer-checks.test.ts'],
    caughtBy: /that doubles with each of 40 references is refused/,
    because: /too-costly/,
  },
  {
    name: 'check-deadline',
    safeguard: 'a check that does not end costs its deadline and no more (L7)',
    edits: [
      {
        file: 'libs/answer-schema/src/answer-checks.ts',
        find: 'timer = setTimeout(tooCostly, jobDeadlineMs)',
        replace: 'timer = setTimeout(() => undefined, jobDeadlineMs)',
      },
    ],
    tests: ['libs/answer-schema/test/answer-checks.test.ts', '--testTimeout=8000'],
    caughtBy: /does not prevent waiting checks from returning their results/,
    because: /./,
  },
  {
    name: 'echo-budget',
    safeguard: 'an echo holds its slot no longer than its budget of time',
    edits: [
      {
        file: 'services/worker/src/run/echo.ts',
        find: 'if (waitMs <= Math.min(budgetMs, leftMs)) return { forMs: waitMs }',
        replace: 'if (waitMs <= Infinity) return { forMs: waitMs }',
      },
    ],
    tests: ['services/worker/test/run/echo.test.ts'],
    caughtBy: /an echo task that is longer than its time budget fails/,
    because: /to match object/,
  },
  {
    name: 'cron-calendar',
    safeguard: 'days that never exist are found without a search',
    edits: [
      {
        file: 'libs/domain/src/task/calendar.ts',
        find: 'return Math.min(...earliest) > Math.max(...longest)',
        replace: 'return Math.min(...earliest) > 31 + Math.max(...longest)',
      },
    ],
    tests: ['libs/domain/test/task/calendar.test.ts'],
    caughtBy: /is reported because its days do not exist/,
    because: /expected false to be true/,
  },
  {
    name: 'newer-format',
    safeguard: 'an item of a newer release is refused',
    edits: [
      {
        file: 'libs/protocol/src/values/formats.ts',
        find: "if (typeof format === 'number' && format <= known) return",
        replace: "if (typeof format === 'number' && format <= known + 1) return",
      },
    ],
    tests: ['libs/protocol/test/formats.test.ts'],
    caughtBy: /an event of a newer release is not read as an event/,
    because: /to throw/,
  },
  {
    name: 'newer-stream',
    safeguard: 'a service does not start on streams of a newer release',
    edits: [
      {
        file: 'libs/adapters/src/log/provision.ts',
        find: 'await requireKnownFormats(bus, Object.values(STREAMS))',
        replace: 'await requireKnownFormats(bus, [])',
      },
    ],
    tests: ['libs/adapters/test/log/formats.test.ts'],
    caughtBy: /a stored item of a newer release is refused at the start/,
    because: /./,
  },
]
