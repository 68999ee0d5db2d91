import type { Mutation } from '../mutation.ts'

/** The growth of a task's history: one ending, attempts, repairs by the follower (L2, L3, L7, L8). */
export const HISTORY: readonly Mutation[] = [
  {
    name: 'one-ending',
    safeguard: 'the first ending of a task wins and nothing follows it (L2)',
    edits: [
      {
        file: 'libs/domain/src/task/task-transition.ts',
        find: "if (isTerminal(record.state)) return { kind: 'stale', reason: 'finished' }",
        replace:
          "if (isTerminal(record.state) && seq < 0) return { kind: 'stale', reason: 'finished' }",
      },
    ],
    tests: ['libs/domain/test/task/task.test.ts'],
    caughtBy: /changes with one end event and with no event after it/,
    because: /Property failed/,
  },
  {
    name: 'older-attempt',
    safeguard: 'an event of an attempt that was taken over changes nothing (L3)',
    edits: [
      {
        file: 'libs/domain/src/task/task-transition.ts',
        find: "if ('attempt' in event && event.type !== 'failed' && event.attempt < record.attempt) {",
        replace:
          "if ('attempt' in event && event.type === 'attempt-started' && event.attempt < 0) {",
      },
    ],
    tests: ['libs/domain/test/task/task.test.ts'],
    caughtBy: /ignores an older attempt/,
    because: /to match object/,
  },
  {
    name: 'fold-once',
    safeguard: 'an event that was folded in already changes nothing (L8)',
    edits: [
      {
        file: 'libs/domain/src/task/task-transition.ts',
        find: "if (seq <= record.seq) return { kind: 'stale', reason: 'seen' }",
        replace: "if (seq < 0) return { kind: 'stale', reason: 'seen' }",
      },
    ],
    tests: ['libs/domain/test/task/task.test.ts'],
    caughtBy: /counts the same event only once/,
    because: /to deeply equal/,
  },
  {
    name: 'begin-finished',
    safeguard: 'a re-issued task that has ended is not begun again (L3)',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: "if (isTerminal(record.state)) return { kind: 'finished', reason: 'terminal' }",
        replace:
          "if (isTerminal(record.state) && nowMs < 0) return { kind: 'finished', reason: 'terminal' }",
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /reports an ended task as finished/,
    because: /kind: 'start'/,
  },
  {
    name: 'lost-attempts',
    safeguard: 'a task that loses every node it runs on fails',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: 'if (lost > LOST_ATTEMPTS_MAX) {',
        replace: 'if (lost > Infinity) {',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /gives up on a task that loses every node/,
    because: /kind: 'start'/,
  },
  {
    name: 'attempt-counting',
    safeguard: 'reported failures and pauses are not counted as lost attempts',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: 'const lost = record.attempt - record.failures - record.pauses',
        replace: 'const lost = record.attempt',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /does not count reported failures as losses/,
    because: /kind: 'fail'/,
  },
  {
    name: 'begin-deadline',
    safeguard: 'a task whose lifetime is over is not begun again (L7)',
    edits: [
      {
        file: 'libs/domain/src/task/attempt.ts',
        find: 'if (nowMs >= deadlineAtMs(record)) {',
        replace: 'if (nowMs < 0) {',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /ends a task whose time is over/,
    because: /kind: 'start'/,
  },
  {
    name: 'accept-once',
    safeguard: 'a node does not run an attempt twice at the same time',
    edits: [
      {
        file: 'libs/domain/src/task/acceptance.ts',
        find: 'room.runningToken >= token) {',
        replace: 'room.runningToken > Infinity) {',
      },
    ],
    tests: ['libs/domain/test/task/acceptance.test.ts'],
    caughtBy: /keeps a task that runs already$/,
    because: /to deeply equal/,
  },
  {
    name: 'accept-slots',
    safeguard: 'a node takes no more tasks than it has slots (L7)',
    edits: [
      {
        file: 'libs/domain/src/task/acceptance.ts',
        find: 'if (room.active >= room.slots) return',
        replace: 'if (room.active >= Infinity) return',
      },
    ],
    tests: ['libs/domain/test/task/acceptance.test.ts'],
    caughtBy: /does not take a task without a free slot/,
    because: /kind: 'start'/,
  },
  {
    name: 'accept-draining',
    safeguard: 'a node that drains takes nothing new',
    edits: [
      {
        file: 'libs/domain/src/task/acceptance.ts',
        find: 'if (room.draining) return',
        replace: 'if (room.draining && room.slots < 0) return',
      },
    ],
    tests: ['libs/domain/test/task/acceptance.test.ts'],
    caughtBy: /does not take a task while it drains/,
    because: /kind: 'start'/,
  },
  {
    name: 'repair-pointer',
    safeguard: 'a task without a pointer gets one (L8)',
    edits: [
      {
        file: 'libs/domain/src/task/repair.ts',
        find: "return hasPointer === false\n    ? { kind: 'issue-pointer', reason: 'pointer-missing' }",
        replace:
          "return hasPointer === false && nowMs < 0\n    ? { kind: 'issue-pointer', reason: 'pointer-missing' }",
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /issues a pointer that is missing/,
    because: /expected 'has-pointer' to be 'pointer-missing'/,
  },
  {
    name: 'repair-retry',
    safeguard: 'a retry that is due gets its pointer (L8)',
    edits: [
      {
        file: 'libs/domain/src/task/repair.ts',
        find: 'return hasPointer === true\n',
        replace: 'return hasPointer !== true\n',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /issues a retry that is due/,
    because: /to be 'retry-due'/,
  },
  {
    name: 'repair-deadline',
    safeguard: 'the follower ends tasks whose lifetime is over (L7)',
    edits: [
      {
        file: 'libs/domain/src/task/repair.ts',
        find: 'if (nowMs >= deadlineAtMs(record)) return',
        replace: 'if (nowMs < 0) return',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /repair .* ends a task whose time is over/,
    because: /to be 'deadline'/,
  },
  {
    name: 'repair-young',
    safeguard: 'the follower leaves a young task to the process that appended its event',
    edits: [
      {
        file: 'libs/domain/src/task/repair.ts',
        find: 'if (nowMs - record.updatedAtMs < followAfterMs) return',
        replace: 'if (nowMs < 0) return',
      },
    ],
    tests: ['libs/domain/test/task/attempt.test.ts'],
    caughtBy: /leaves a young task/,
    because: /to be 'young'/,
  },
]
