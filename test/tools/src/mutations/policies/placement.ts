import type { Mutation } from '../mutation.ts'

/** Which node takes a task. */
export const PLACEMENT: readonly Mutation[] = [
  {
    name: 'filter-consul',
    safeguard: 'a node that Consul does not list gets nothing',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'if (!node.passing) skipped.away += 1\n  else if (node.suspect)',
        replace: 'if (node.suspect)',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /skips a node that Consul does not list/,
    because: /kind: 'place'/,
  },
  {
    name: 'filter-suspect',
    safeguard: 'a suspect node gets nothing',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'else if (node.suspect) skipped.suspect += 1\n',
        replace: '',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /skips a suspect node/,
    because: /kind: 'place'/,
  },
  {
    name: 'filter-draining',
    safeguard: 'a node that drains gets nothing',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'else if (node.draining) skipped.draining += 1\n',
        replace: '',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /skips a draining node/,
    because: /kind: 'place'/,
  },
  {
    name: 'filter-stale',
    safeguard: 'a node with stale figures gets nothing',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'else if (node.heartbeatAgeMs > limits.heartbeatAgeMaxMs) skipped.stale += 1\n',
        replace: '',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /skips a node with stale figures/,
    because: /kind: 'place'/,
  },
  {
    name: 'filter-excluded',
    safeguard: 'a task does not go where an earlier attempt failed',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'else if (task.excluded?.includes(node.id) === true) skipped.excluded += 1\n',
        replace: '',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /get no task until their probe is due/,
    because: /nodeId: 'n0'/,
  },
  {
    name: 'credits-in-transit',
    safeguard: 'tasks on their way to a node count against its credits',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'const credits = own - node.inTransit',
        replace: 'const credits = own',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /counts what is on its way/,
    because: /no-credits/,
  },
  {
    name: 'score',
    safeguard: 'the least loaded node is picked',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'if (score < firstScore || (score === firstScore && random() < 1 / ++ties)) {',
        replace: 'if (score > firstScore || first === undefined) {',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /picks the emptier node/,
    because: /nodeId: 'a'/,
  },
  {
    name: 'score-slow',
    safeguard: 'a node that answers far more slowly than the others scores worse',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: '0.1 * lag +\n    slow',
        replace: '0.1 * lag +\n    0 * slow',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /answers far more slowly/,
    because: /nodeId: 'b'/,
  },
  {
    name: 'affinity',
    safeguard: 'tasks of one key go to one node while it has room',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'if (home !== undefined && homeTakes && random() >= EXPLORATION) {',
        replace: 'if (home !== undefined && homeTakes && random() >= 2) {',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /sends one key to one node/,
    because: /reason: 'affinity'/,
  },
  {
    name: 'affinity-room',
    safeguard: 'affinity does not overfill a node',
    edits: [
      {
        file: 'libs/domain/src/placement/select.ts',
        find: 'if (home !== undefined && homeTakes && random() >= EXPLORATION) {',
        replace: 'if (home !== undefined && random() >= EXPLORATION) {',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /sends one key to one node/,
    because: /reason: 'lowest-load'/,
  },
  {
    name: 'credits-shared',
    safeguard: 'load balancers share the credits of a node',
    edits: [
      {
        file: 'libs/domain/src/placement/credits.ts',
        find: 'if (count <= 1) return free',
        replace: 'if (count <= 100) return free',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /share every credit and do not spend a credit twice/,
    because: /Property failed/,
  },
  {
    name: 'slow-start',
    safeguard: 'a new node takes a part of its slots at first',
    edits: [
      {
        file: 'libs/domain/src/placement/credits.ts',
        find: 'return Math.max(1, Math.floor(node.slots * Math.max(SLOW_START_MIN, node.upMs / slowStartMs)))',
        replace: 'return node.slots',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /slow start of a new node opens a tenth/,
    because: /expected 100 to be 10/,
  },
  {
    name: 'room-units',
    safeguard: 'heavy tasks reserve room, even while they are on their way',
    edits: [
      {
        file: 'libs/domain/src/placement/room.ts',
        find: 'transitCpu: (node.transitCpu ?? node.inTransit) + reservationOf(task.cpu, node.slots),',
        replace: 'transitCpu: node.transitCpu ?? node.inTransit,',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /allow a node no more heavy tasks than it has room/,
    because: /expected 10 to be 2/,
  },
  {
    name: 'room-memory',
    safeguard: 'a task stays off a node whose memory is full for its class',
    edits: [
      {
        file: 'libs/domain/src/placement/room.ts',
        find: 'node.memory <= MEMORY_CEILING[task.memory] &&',
        replace: '',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /does not give a task to a node whose memory is full/,
    because: /no-room/,
  },
  {
    name: 'advised-candidates',
    safeguard: 'an adviser picks among the candidates only',
    edits: [
      {
        file: 'libs/domain/src/placement/advised.ts',
        find: 'if (node === undefined || !mayTake(node, task, limits)) return',
        replace: 'if (node === undefined) return',
      },
    ],
    tests: ['libs/domain/test/placement/select.test.ts'],
    caughtBy: /ignores a candidate/,
    because: /use: 'gone'/,
  },
]
