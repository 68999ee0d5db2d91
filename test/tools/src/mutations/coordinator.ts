import type { Mutation } from './mutation.ts'

const REPAIR = 'services/coordinator/test/repair/repair-service.test.ts'
const FOLLOWER = 'services/coordinator/test/follower/follower-service.test.ts'

const SERVICE = 'services/coordinator/test/service.test.ts'

/** Repair, following and counting of a coordinator, at service level. */
export const COORDINATOR: readonly Mutation[] = [
  {
    name: 'stuck-reader',
    safeguard: 'a coordinator that no longer reads the log is not ready',
    edits: [
      {
        file: 'services/coordinator/src/follower/service.ts',
        find: 'if ((tail?.stuckForMs() ?? 0) > logStuckMs) return { ok: false, reason: LOG_NOT_READ }',
        replace: '',
      },
    ],
    tests: [SERVICE, '-t', 'stops after the start'],
    caughtBy: /stops after the start is not ready, and then ends/,
    because: /log-not-read/,
  },
  {
    name: 'rebuild-ghosts',
    safeguard: 'a rebuild removes tasks whose ends were purged while it read (L8)',
    edits: [
      {
        file: 'services/coordinator/src/follower/rebuild.ts',
        find: '[...purged, ...(await dropCompacted({ ...deps, tasks: table }))]',
        replace: '[]',
      },
    ],
    tests: [FOLLOWER, '-t', 'deleted from the log during the rebuild'],
    caughtBy: /Redis holds no task whose end event another replica deleted from the log/,
    because: /undefined/,
  },
  {
    name: 'poison-event',
    safeguard: 'an event that cannot be processed holds up no other event',
    edits: [
      {
        file: 'libs/adapters/src/log/stream-tail.ts',
        find: 'if (failedSeq !== seq) {',
        replace: 'if (failedSeq !== -1) {',
      },
    ],
    tests: [SERVICE, '-t', 'cannot be processed'],
    caughtBy: /an event that cannot be processed the second time is skipped/,
    because: /./,
  },
  {
    name: 'retry-once',
    safeguard: 'a retry that is due is issued once, however long its pointer waits (L7)',
    edits: [
      {
        file: 'services/coordinator/src/repair/retries.ts',
        find: "if (kind === 'issue-pointer') void issue(record)",
        replace:
          "if (kind !== 'issue-pointer') continue\n        due.add(taskId, now)\n        void issue(record)",
      },
      {
        file: 'services/coordinator/src/repair/issue.ts',
        find: 'if (issuedAt.get(record.taskId) === record.seq) return false\n',
        replace: '',
      },
    ],
    tests: [REPAIR, '-t', 'issued once'],
    caughtBy: /is issued once/,
    because: /to be 1/,
  },
  {
    name: 'log-clock',
    safeguard: 'a coordinator whose clock is wrong ends no task early',
    edits: [
      {
        file: 'services/coordinator/src/service.ts',
        find: 'nowMs: logClock.nowMs,',
        replace: 'nowMs: deps.clock.nowMs,',
      },
    ],
    tests: [REPAIR, '-t', 'by the time of the log'],
    caughtBy: /no matter what the clock of the coordinator says/,
    because: /to match object/,
  },
  {
    name: 'stored-at',
    safeguard: 'a gateway whose clock is wrong shortens no lifetime',
    edits: [
      {
        file: 'libs/domain/src/task/task-transition.ts',
        find: 'const skewed = Math.abs(storedAtMs - event.atMs) > SKEW_TOLERATED_MS',
        replace: 'const skewed = storedAtMs < 0',
      },
    ],
    tests: [REPAIR, '-t', 'an hour behind'],
    caughtBy: /counts from its storage/,
    because: /has no pointer|to match object/,
  },
  {
    name: 'pointer-by-identity',
    safeguard: 'surplus pointers do not hide a missing one (L8)',
    edits: [
      {
        file: 'services/coordinator/src/repair/pointers.ts',
        find: ': { issued: await lookUp(looked, signal), removed: 0 }',
        replace: ': { issued: looked.length * 0, removed: 0 }',
      },
    ],
    tests: [REPAIR, '-t', 'by the id of its task'],
    caughtBy: /no matter how many other pointers there are/,
    because: /has no pointer/,
  },
  {
    name: 'projection-complete',
    safeguard: 'a projection is complete only when every write has succeeded (L8)',
    edits: [
      {
        file: 'services/coordinator/src/follower/rebuild.ts',
        find: 'if (!(await projector.drain()))',
        replace: 'if ((await projector.drain()) === undefined)',
      },
    ],
    tests: [FOLLOWER, '-t', 'marked as complete'],
    caughtBy: /only when every write has succeeded/,
    because: /instead of rejecting/,
  },
  {
    name: 'projection-mark',
    safeguard: 'the mark of the projection stays before a record that is not written (L8)',
    edits: [
      {
        file: 'services/coordinator/src/follower/service.ts',
        find: '(projector.missingFrom() ?? position + 1) - 1',
        replace: 'position',
      },
    ],
    tests: [FOLLOWER, '-t', 'never passes a write that has failed'],
    caughtBy: /never passes a write that has failed/,
    because: /to be/,
  },
  {
    name: 'projection-older',
    safeguard: 'a Redis that was reset to an older state is noticed (L8)',
    edits: [
      {
        file: 'libs/adapters/src/store/store-scripts.ts',
        find: "if tonumber(at or '-1') < tonumber(ARGV[2]) then return at end\n",
        replace: '',
      },
    ],
    tests: [FOLLOWER, '-t', 'older state'],
    caughtBy: /gets the records that it has lost/,
    because: /Redis shows undefined/,
  },
  {
    name: 'follow-again',
    safeguard: 'a coordinator that could not read the log tries again (L8)',
    edits: [
      {
        file: 'services/coordinator/src/follower/service.ts',
        find: 'if (closed) return\n        log.warn(',
        replace: 'if (!followed) return\n        log.warn(',
      },
    ],
    tests: ['services/coordinator/test/service.test.ts', '-t', 'first read'],
    caughtBy: /tries again/,
    because: /to deeply equal/,
  },
  {
    name: 'history-batches',
    safeguard: 'a long history costs few round trips',
    edits: [
      {
        file: 'libs/adapters/src/log/subject-history.ts',
        find: 'const SINGLE_READS = 4',
        replace: 'const SINGLE_READS = Infinity',
      },
    ],
    tests: ['libs/adapters/test/log/task-log.test.ts', '-t', '2,000'],
    caughtBy: /a history of 2,000 events is read completely and in order/,
    because: /to be less than/,
  },
  {
    name: 'one-log-fill',
    safeguard: 'children and ticks are not stored while the log is nearly full (L7)',
    edits: [
      {
        file: 'libs/adapters/src/log/submit.ts',
        find: "if (logFill.full()) return { kind: 'full' }\n",
        replace: '',
      },
    ],
    tests: ['services/coordinator/test/due/due-service.test.ts', '-t', 'nearly full'],
    caughtBy: /are not stored while the log is nearly full/,
    because: /to be 2/,
  },
  {
    name: 'compaction-needed',
    safeguard: 'a compaction keeps the results that unfinished tasks read',
    edits: [
      {
        file: 'services/coordinator/src/follower/compaction.ts',
        find: 'if (needed.has(taskId) || tasks',
        replace: 'if (tasks',
      },
    ],
    tests: ['services/coordinator/test/follower/compaction.test.ts', '-t', 'depends on'],
    caughtBy: /keeps the results that an unfinished task depends on/,
    because: /to have a length of 2/,
  },
]
