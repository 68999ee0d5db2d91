import type { Mutation } from '../mutation.ts'

/** Tasks that wait, their release, children and schedules. */
export const WAITING: readonly Mutation[] = [
  {
    name: 'wait-time',
    safeguard: 'a delayed task is released when it is due and not before',
    edits: [
      {
        file: 'libs/domain/src/task/release.ts',
        find: 'return nowMs < waitingFor.untilMs\n',
        replace: 'return nowMs < 0\n',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /happens when the time is reached, and not earlier/,
    because: /expected 'release' to be 'wait'/,
  },
  {
    name: 'wait-dependencies',
    safeguard: 'a task waits for all of its dependencies',
    edits: [
      {
        file: 'libs/domain/src/task/release.ts',
        find: "return awaited.some((taskId) => fateIn(fates, taskId) === 'open')\n        ? { kind: 'wait', reason: 'open' }\n        : { kind: 'release'",
        replace:
          "return awaited.every((taskId) => fateIn(fates, taskId) === 'open')\n        ? { kind: 'wait', reason: 'open' }\n        : { kind: 'release'",
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /the task waits for the last one/,
    because: /kind: 'release'/,
  },
  {
    name: 'failed-dependency',
    safeguard: 'a failed dependency fails its dependants',
    edits: [
      {
        file: 'libs/domain/src/task/release.ts',
        find: "if (broken !== undefined && spec.onDependencyFailure !== 'continue') {",
        replace:
          'if (broken !== undefined && spec.onDependencyFailure === undefined && nowMs < 0) {',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /fails when one is cancelled/,
    because: /kind: 'release'/,
  },
  {
    name: 'wait-children',
    safeguard: 'a run waits for all of its children',
    edits: [
      {
        file: 'libs/domain/src/task/release.ts',
        find: "return awaited.some((taskId) => fateIn(fates, taskId) === 'open')\n        ? { kind: 'wait', reason: 'open' }\n        : { kind: 'resume'",
        replace:
          "return awaited.every((taskId) => fateIn(fates, taskId) === 'open')\n        ? { kind: 'wait', reason: 'open' }\n        : { kind: 'resume'",
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /waits for every child/,
    because: /kind: 'resume'/,
  },
  {
    name: 'wait-approval',
    safeguard: 'a step that needs a person waits for that person',
    edits: [
      {
        file: 'libs/domain/src/task/release.ts',
        find: "return { kind: 'wait', reason: 'approval' }",
        replace: "return { kind: 'release', reason: 'time' }",
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /waits for a person/,
    because: /kind: 'release'/,
  },
  {
    name: 'resume-kind',
    safeguard: 'a run is resumed by the end of its wait and by nothing else',
    edits: [
      {
        file: 'libs/domain/src/task/task-transition.ts',
        find: 'if (next.waitingFor?.kind !== reason)',
        replace: 'if (next.waitingFor === undefined)',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /is not resumed by the end of another wait/,
    because: /to match object/,
  },
  {
    name: 'pauses-max',
    safeguard: 'a run cannot pause without end (L7)',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: 'if (record.pauses < PAUSES_MAX) return',
        replace: 'if (record.pauses < Infinity) return',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /fails when it pauses more often than the limit allows/,
    because: /kind: 'pause'/,
  },
  {
    name: 'waiting-begin',
    safeguard: 'a task that waits is not begun by an older pointer',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: "if (record.waitingFor !== undefined) return { kind: 'waiting', reason: record.waitingFor.kind }",
        replace:
          "if (record.waitingFor !== undefined && nowMs < 0) return { kind: 'waiting', reason: record.waitingFor.kind }",
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /has no attempt before its first attempt begins/,
    because: /kind: 'start'/,
  },
  {
    name: 'children-once',
    safeguard: 'the children of a step are made once',
    edits: [
      {
        file: 'libs/domain/src/task/task-children.ts',
        find: 'if (present.length > 0) return',
        replace: 'if (present.length > Infinity) return',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /starts the children of a step only once/,
    because: /kind: 'spawn'/,
  },
  {
    name: 'children-depth',
    safeguard: 'children of children have a limited depth (L7)',
    edits: [
      {
        file: 'libs/domain/src/task/task-children.ts',
        find: 'if (depth > DEPTH_MAX) {',
        replace: 'if (depth > Infinity) {',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /gets a refusal for children that are too deep/,
    because: /kind: 'spawn'/,
  },
  {
    name: 'children-count',
    safeguard: 'a task has only so many children (L7)',
    edits: [
      {
        file: 'libs/domain/src/task/task-children.ts',
        find: 'if (record.children.length + specs.length > CHILDREN_MAX) {',
        replace: 'if (specs.length > Infinity) {',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /gets a refusal for children that are too many/,
    because: /kind: 'spawn'/,
  },
  {
    name: 'children-budget',
    safeguard: 'the budget that a run gave its children counts as used',
    edits: [
      {
        file: 'libs/domain/src/task/task-children.ts',
        find: 'own[key] = Math.max(0, whole - (granted[key] ?? 0))',
        replace: 'own[key] = whole',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /counts the budget that it gave its children as used/,
    because: /tokens: 900/,
  },
  {
    name: 'children-deadline',
    safeguard: 'children end with their parent at the latest',
    edits: [
      {
        file: 'libs/domain/src/task/task-children.ts',
        find: 'timeoutMs: Math.min(spec.timeoutMs, leftMs),',
        replace: 'timeoutMs: spec.timeoutMs,',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /gives each child a deadline within the deadline of the run/,
    because: /to match object/,
  },
  {
    name: 'missed-ticks',
    safeguard: 'of missed ticks the last one alone is made up for',
    edits: [
      {
        file: 'libs/domain/src/task/schedule.ts',
        find: 'if (next === undefined || next > nowMs) break',
        replace: 'if (next === undefined || next > 0) break',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /was missed is made up for once/,
    because: /to match object/,
  },
  {
    name: 'overlapping-tick',
    safeguard: 'a tick is skipped while the last task runs, if the schedule says so',
    edits: [
      {
        file: 'libs/domain/src/task/schedule.ts',
        find: "if (lastOpen && schedule.overlap === 'skip') return",
        replace: "if (lastOpen && schedule.overlap === 'skip' && nowMs < 0) return",
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /is skipped while the last task runs/,
    because: /kind: 'skip'/,
  },
  {
    name: 'tick-due',
    safeguard: 'a tick is not earlier than its time',
    edits: [
      {
        file: 'libs/domain/src/task/schedule.ts',
        find: 'if (tickMs > nowMs) return',
        replace: 'if (nowMs < 0) return',
      },
    ],
    tests: ['libs/domain/test/task/wait.test.ts'],
    caughtBy: /tick waits for the first one/,
    because: /kind: 'submit'/,
  },
]
