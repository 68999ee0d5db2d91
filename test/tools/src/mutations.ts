/** One safeguard switched off, and the test that has to notice. */
export interface Mutation {
  readonly name: string
  readonly safeguard: string
  readonly edits: readonly {
    readonly file: string
    /** Stands exactly once in the file. */
    readonly find: string
    readonly replace: string
  }[]
  /** Test files to run. */
  readonly tests: readonly string[]
  /** Title of the test that has to fail. */
  readonly caughtBy: RegExp
  /** What its failure has to say. */
  readonly because: RegExp
}

/** The safeguards of L2, L3, L4 and L8. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'compare-and-set',
    safeguard: 'appends carry the last sequence their writer has seen (L2)',
    edits: [
      {
        file: 'libs/adapters/src/log/appends.ts',
        find: 'if (append.expectSeq !== undefined) {',
        replace: 'if (append.expectSeq === -1) {',
      },
    ],
    tests: ['libs/adapters/test/bus/bus.test.ts'],
    caughtBy: /lets one of many writers win/,
    because: /to have a length of 1 but got 8/,
  },
  {
    name: 'compare-and-set-frozen-node',
    safeguard: 'the same, seen from a node that was frozen and taken over (L3)',
    edits: [
      {
        file: 'libs/adapters/src/log/appends.ts',
        find: 'if (append.expectSeq !== undefined) {',
        replace: 'if (append.expectSeq === -1) {',
      },
    ],
    tests: ['test/chaos/worker-death.test.ts', '-t', 'frozen'],
    caughtBy: /commits nothing that was taken over/,
    because: /VIOLATIONS|I3|extra|less than or equal/,
  },
  {
    name: 'fenced-path',
    safeguard: 're-issued pointers begin through the coordinator (L3)',
    edits: [
      {
        file: 'services/load-balancer/src/intake/held.ts',
        find: 'const fenced = pointer.reissue || !fresh || pointer.spec === undefined',
        replace: 'const fenced = pointer.spec === undefined',
      },
      // Without its spec nothing can run but a fenced start.
      {
        file: 'services/load-balancer/src/placing/inflight-notes.ts',
        find: 'return { ...rest, reissue: true, node: nodeId }',
        replace: 'return { ...pointer, ...rest, node: nodeId }',
      },
    ],
    tests: ['test/chaos/worker-death.test.ts', '-t', 'killed'],
    caughtBy: /pays no journaled call again/,
    because: /tasks have ended|greater than or equal|to deeply equal/,
  },
  {
    name: 'stop-on-superseded',
    safeguard: 'a run that was taken over stops (L4)',
    edits: [
      {
        file: 'services/worker/src/run/attempt.ts',
        find: "if (outcome.kind !== 'committed') end(run, outcome, deps)",
        replace:
          "if (outcome.kind !== 'committed' && outcome.kind !== 'superseded') end(run, outcome, deps)",
      },
      {
        file: 'services/worker/src/node/ownership.ts',
        find: "    case 'superseded':\n    case 'refused':",
        replace: "    case 'superseded':\n      return\n    case 'refused':",
      },
    ],
    tests: ['test/chaos/worker-death.test.ts', '-t', 'frozen'],
    caughtBy: /commits nothing that was taken over/,
    because: /less than or equal/,
  },
  {
    name: 'follower',
    safeguard: 'what should have followed from an event is done by the follower (L8)',
    edits: [
      {
        file: 'services/coordinator/src/repair/repair.ts',
        find: "return issue(record, 'pointer-missing')",
        replace: 'return false',
      },
    ],
    tests: ['test/chaos/exact-points.test.ts', '-t', 'gateway'],
    caughtBy: /leaves a task that the follower gives a pointer/,
    because: /expected 'submitted' to be 'completed'/,
  },
  {
    name: 'ack-after-log',
    safeguard: 'a pointer is acked only after the log holds the ending (L4)',
    edits: [
      {
        file: 'services/worker/src/run/attempt.ts',
        find: 'const whose = by === undefined ? {} : { by }',
        replace:
          'const whose = by === undefined ? {} : { by }\n    ack.done(deps.bus, run.ackSubject)',
      },
    ],
    tests: ['test/chaos/ack-order.test.ts'],
    caughtBy: /acks nothing/,
    because: /expected 1 to be \+?0|expected 1 to be 0/,
  },
]
