import type { Mutation } from '../mutation.ts'

/** Consequences of a death. */
export const RECOVERY: readonly Mutation[] = [
  {
    name: 'give-back-all',
    safeguard: 'every stranded pointer is given back',
    edits: [
      {
        file: 'libs/domain/src/recovery/plan.ts',
        find: 'for (let start = 0; start < ordered.length; start += size) {',
        replace: 'for (let start = 0; start < ordered.length; start += size + 1) {',
      },
    ],
    tests: ['libs/domain/test/recovery/plan.test.ts'],
    caughtBy: /1200 pointers, while the fleet has 0 free/,
    because: /500, 500, 198/,
  },
  {
    name: 'give-back-bounded',
    safeguard: 'pointers are given back in batches by free credits (L7)',
    edits: [
      {
        file: 'libs/domain/src/recovery/plan.ts',
        find: 'Math.max(BATCH_MIN, freeCredits, Math.ceil(stranded.length / BATCHES_MAX))',
        replace: 'BATCH_MIN',
      },
    ],
    tests: ['libs/domain/test/recovery/plan.test.ts'],
    caughtBy: /1500 pointers, while the fleet has 700 free/,
    because: /500, 500, 500/,
  },
  {
    name: 'suspects-last',
    safeguard: 'tasks that may kill their nodes are given back last',
    edits: [
      {
        file: 'libs/domain/src/recovery/plan.ts',
        find: 'const last = stranded.filter(({ taskId }) => suspects.has(taskId))',
        replace:
          "const last = stranded.filter(({ taskId }) => suspects.has(taskId) && taskId === '')",
      },
    ],
    tests: ['libs/domain/test/recovery/plan.test.ts'],
    caughtBy: /returns the pointers of tasks that are suspected/,
    because: /to deeply equal/,
  },
  {
    name: 'may-resume',
    safeguard: 'a node that may resume is not replaced',
    edits: [
      {
        file: 'libs/domain/src/recovery/analysis.ts',
        find: "if (evidence.reason !== 'connection-gone') {",
        replace: "if (evidence.reason === '') {",
      },
    ],
    tests: ['libs/domain/test/recovery/analysis.test.ts'],
    caughtBy: /"investigate" for the reason "may-resume"/,
    because: /action: 'replace'/,
  },
  {
    name: 'crash-loop',
    safeguard: 'nodes that die again and again are not replaced without end (L7)',
    edits: [
      {
        file: 'libs/domain/src/recovery/analysis.ts',
        find: 'if (evidence.recentReplacements >= limits.replacementsMax) {',
        replace: 'if (evidence.recentReplacements >= Infinity) {',
      },
    ],
    tests: ['libs/domain/test/recovery/analysis.test.ts'],
    caughtBy: /"investigate" for the reason "crash-loop"/,
    because: /action: 'replace'/,
  },
  {
    name: 'advice-bounds',
    safeguard: 'an adviser replaces only a process that is certainly gone',
    edits: [
      {
        file: 'libs/domain/src/recovery/analysis.ts',
        find: "if (mayReplace) actions.push('replace')",
        replace: "actions.push('replace')",
      },
    ],
    tests: ['libs/domain/test/recovery/analysis.test.ts'],
    caughtBy: /advice about a death is clamped to the allowed choices/,
    because: /action: 'replace'/,
  },
  {
    name: 'deaths-once',
    safeguard: 'a death counts once however often its record is written',
    edits: [
      {
        file: 'libs/domain/src/recovery/deaths.ts',
        find: 'return a.nodeId === b.nodeId && a.incarnation === b.incarnation',
        replace: 'return a === b',
      },
    ],
    tests: ['libs/domain/test/recovery/deaths.test.ts'],
    caughtBy: /counts a death once/,
    because: /to have a length of 2/,
  },
  {
    name: 'poison-task',
    safeguard: 'a task that was running at three deaths is a suspect',
    edits: [
      {
        file: 'libs/domain/src/recovery/deaths.ts',
        find: '.filter(([, count]) => count >= PATTERN_MIN)',
        replace: '.filter(([, count]) => count >= Infinity)',
      },
    ],
    tests: ['libs/domain/test/recovery/deaths.test.ts'],
    caughtBy: /lists a task as a suspect that was running during/,
    because: /to deeply equal \[ 'poison' \]/,
  },
  {
    name: 'quarantine',
    safeguard: 'a node that dies again and again is put into quarantine',
    edits: [
      {
        file: 'libs/domain/src/recovery/deaths.ts',
        find: 'if (deathsOfNode < PATTERN_MIN) return',
        replace: 'if (deathsOfNode < Infinity) return',
      },
    ],
    tests: ['libs/domain/test/recovery/deaths.test.ts'],
    caughtBy: /"quarantine" for the reason "flapping"/,
    because: /kind: 'none'/,
  },
  {
    name: 'quarantine-third',
    safeguard: 'at most a third of the nodes is in quarantine',
    edits: [
      {
        file: 'libs/domain/src/recovery/deaths.ts',
        find: 'if (quarantined + 1 > Math.max(1, Math.floor(nodes / 3))) {',
        replace: 'if (quarantined + 1 > Infinity) {',
      },
    ],
    tests: ['libs/domain/test/recovery/deaths.test.ts'],
    caughtBy: /too-many-quarantined/,
    because: /kind: 'quarantine'/,
  },
  {
    name: 'outcome-tasks',
    safeguard: 'an incident stays open until its tasks have started again',
    edits: [
      {
        file: 'libs/domain/src/recovery/outcome.ts',
        find: 'const tasksBack = view.settled >= view.tasks',
        replace: 'const tasksBack = view.settled >= 0',
      },
    ],
    tests: ['libs/domain/test/recovery/deaths.test.ts'],
    caughtBy: /"wait" for the reason "tasks-waiting"/,
    because: /kind: 'recovered'/,
  },
  {
    name: 'give-back-moved',
    safeguard: 'a task that has moved to another node keeps its pointer (R1)',
    edits: [
      {
        file: 'services/recovery/src/redistribution/redistribute.ts',
        find: 'stranded = still',
        replace: 'void still',
      },
    ],
    tests: ['services/recovery/test/redistribution/redistribute.test.ts'],
    caughtBy: /R1: recovery does not return the pointer of a task/,
    because: /expected 501 to be 500|to match object \{ kind: 'given-back'/,
  },
  {
    name: 'recovery-shadow',
    safeguard: 'recovery does not wait for advice in shadow',
    edits: [
      {
        file: 'services/recovery/src/incident/analysis.ts',
        find: "adviser.mode === 'on' ? await asked : undefined",
        replace: 'await asked',
      },
    ],
    tests: ['services/recovery/test/incident/workflow.test.ts', '-t', 'advice in mode shadow'],
    caughtBy: /an action does not wait for advice in mode shadow/,
    because: /expected/,
  },
]
