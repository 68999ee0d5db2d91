import type { Mutation } from './mutation.ts'

/** Fenced starts, tokens, claims, acks and renewals (L3, L4, L9). */
export const FENCING: readonly Mutation[] = [
  {
    name: 'token-expectation',
    safeguard: 'a report is stored only behind the last event that its run has seen (L3)',
    edits: [
      {
        file: 'services/coordinator/src/reports/handle-report.ts',
        find: '    expectSeq: item.expect,',
        replace: '    expectSeq: (await deps.taskLog.last(item.taskId))?.seq ?? item.expect,',
      },
    ],
    tests: ['services/coordinator/test/reports/handle-report.test.ts', '-t', 'L3'],
    caughtBy: /a superseded run is not stored/,
    because: /superseded/,
  },
  {
    name: 'claim-check',
    safeguard: 'a node cannot report on a task that was not given to it (L9)',
    edits: [
      {
        file: 'services/coordinator/src/reports/handle-report.ts',
        find: "if (!checkClaim(deps.claimKey, item.claim, item.taskId, nodeId)) return { kind: 'refused' }\n",
        replace: '',
      },
    ],
    tests: ['services/coordinator/test/reports/handle-report.test.ts', '-t', 'L9'],
    caughtBy: /is refused and not stored/,
    because: /kind: 'refused'/,
  },
  {
    name: 'waiting-not-begun',
    safeguard: 'a pointer from before a wait begins no run',
    edits: [
      {
        file: 'services/coordinator/src/reports/handle-report.ts',
        find: "if (decision.kind === 'not-due' || decision.kind === 'waiting') return { kind: 'not-due' }",
        replace: "if (decision.kind === 'not-due') return { kind: 'not-due' }",
      },
    ],
    tests: ['services/coordinator/test/reports/handle-report.test.ts', '-t', 'pause'],
    caughtBy: /a pause ends the attempt without counting as a failure/,
    because: /kind: 'not-due'/,
  },
  {
    name: 'fenced-reissue',
    safeguard: 'a re-issued pointer gets a fenced start (L3)',
    edits: [
      {
        file: 'services/load-balancer/src/intake/held.ts',
        find: 'const fenced = pointer.reissue || !fresh || pointer.spec === undefined',
        replace: 'const fenced = !fresh || pointer.spec === undefined',
      },
    ],
    tests: [
      'services/load-balancer/test/placing/placing.test.ts',
      '-t',
      'issued again or delivered before',
    ],
    caughtBy: /when it was issued again or delivered before/,
    because: /expected false to be true/,
  },
  {
    name: 'fenced-redelivery',
    safeguard: 'a pointer that comes again gets a fenced start (L3)',
    edits: [
      {
        file: 'services/load-balancer/src/intake/held.ts',
        find: 'const fenced = pointer.reissue || !fresh || pointer.spec === undefined',
        replace: 'const fenced = pointer.reissue || pointer.spec === undefined',
      },
    ],
    tests: [
      'services/load-balancer/test/placing/placing.test.ts',
      '-t',
      'issued again or delivered before',
    ],
    caughtBy: /when it was issued again or delivered before/,
    because: /expected false to be true/,
  },
  {
    name: 'fenced-sequence',
    safeguard: 'a pointer that a crashed server hands out again gets a fenced start (L3)',
    edits: [
      {
        file: 'services/load-balancer/src/intake/held.ts',
        find: 'message.streamSeq > seen && ',
        replace: '',
      },
    ],
    tests: [
      'services/load-balancer/test/placing/placing.test.ts',
      '-t',
      'issued again or delivered before',
    ],
    caughtBy: /when it was issued again or delivered before/,
    because: /expected false to be true/,
  },
  {
    name: 'fenced-older',
    safeguard: 'a pointer from before the connection of its load balancer gets a fenced start (L3)',
    edits: [
      {
        file: 'services/load-balancer/src/intake/held.ts',
        find: ' && !olderPointers.has(message.streamSeq)',
        replace: '',
      },
    ],
    tests: [
      'services/load-balancer/test/placing/placing.test.ts',
      '-t',
      'issued again or delivered before',
    ],
    caughtBy: /when it was issued again or delivered before/,
    because: /expected false to be true/,
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
    tests: ['services/worker/test/node/leases.test.ts'],
    caughtBy: /is acknowledged once the coordinator has stored the end/,
    because: /to be undefined/,
  },
  {
    name: 'stop-on-superseded',
    safeguard: 'a run that was taken over stops (L4)',
    edits: [
      {
        file: 'services/worker/src/node/ownership.ts',
        find: "    case 'superseded':\n    case 'refused':",
        replace: "    case 'superseded':\n      return\n    case 'refused':",
      },
    ],
    tests: ['services/worker/test/node/leases.test.ts'],
    caughtBy: /nor renewed when the coordinator answers `superseded`/,
    because: /expected undefined to be 'superseded'/,
  },
  {
    name: 'no-foreign-ack',
    safeguard: 'a run that was taken over does not ack the pointer (L4)',
    edits: [
      {
        file: 'services/worker/src/node/ownership.ts',
        find: "    case 'superseded':\n    case 'refused':\n      runs.end(run, outcome.kind)\n",
        replace:
          "    case 'superseded':\n    case 'refused':\n      if (runs.end(run, outcome.kind)) ack.done(bus, run.ackSubject)\n",
      },
    ],
    tests: ['services/worker/test/node/leases.test.ts'],
    caughtBy: /is neither acknowledged nor renewed/,
    because: /to be undefined/,
  },
  {
    name: 'renewal',
    safeguard: 'a run renews the lease of its pointer',
    edits: [
      {
        file: 'services/worker/src/node/renewals.ts',
        find: 'ack.renew(bus, run.ackSubject)',
        replace: 'void bus',
      },
    ],
    tests: ['services/worker/test/node/leases.test.ts'],
    caughtBy: /gets its lease renewed when this is due, and not while/,
    because: /\+WPI/,
  },
  {
    name: 'renewal-in-doubt',
    safeguard: 'a node that may have lost a run does not renew its lease',
    edits: [
      { file: 'services/worker/src/node/renewals.ts', find: ' || run.doubtful', replace: '' },
    ],
    tests: ['services/worker/test/node/leases.test.ts'],
    caughtBy: /gets its lease renewed when this is due, and not while/,
    because: /\+WPI/,
  },
  {
    name: 'stored-before-going-on',
    safeguard: 'a run stops after a call that is not stored (L4)',
    edits: [
      {
        file: 'services/worker/src/run/tool-turn.ts',
        find: 'return (await deps.commit(run, entry)) ? undefined : OVER',
        replace: 'await deps.commit(run, entry)\n  return undefined',
      },
    ],
    tests: ['services/worker/test/run/agent-loop.test.ts'],
    caughtBy: /stops after a call/,
    because: /kind: 'over'|kind: 'paused'/,
  },
  {
    name: 'journal-resumed',
    safeguard: 'no journaled call is made again (L3)',
    edits: [
      {
        file: 'services/worker/src/run/agent-loop.ts',
        find: 'let talk = await replayConversation(spec, begun.calls, agent.rule)',
        replace: 'let talk = await replayConversation(spec, [], agent.rule)',
      },
    ],
    tests: ['services/worker/test/run/agent-loop.test.ts'],
    caughtBy: /does not repeat a call that is already in the journal/,
    because: /to contain/,
  },
]
