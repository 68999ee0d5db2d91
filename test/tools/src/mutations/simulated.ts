import type { Mutation } from './mutation.ts'

/** The first history that breaks names its seed. */
const SIMULATION = {
  test: 'test/simulation/protocol/protocol.test.ts',
  caughtBy: /every simulated history keeps the invariants/,
} as const

/** Safeguards of the protocol that simulated histories show, within seconds. */
export const SIMULATED: readonly Mutation[] = [
  {
    name: 'simulated-compare-and-set',
    safeguard: 'appends carry the last sequence that their writer has seen (L2)',
    file: 'libs/adapters/src/log/appends.ts',
    find: 'if (append.expectSeq !== undefined) {',
    replace: 'if (append.expectSeq === -1) {',
    ...SIMULATION,
    because: /seed \d+: .*I[23] /,
  },
  {
    name: 'simulated-report-token',
    safeguard:
      'a report is appended with the token of its run, not with the newest sequence of the log (L3)',
    file: 'services/coordinator/src/reports/handle-report.ts',
    find: '    expectSeq: item.expect,',
    replace: '    expectSeq: (await deps.taskLog.last(item.taskId))?.seq ?? item.expect,',
    ...SIMULATION,
    because: /seed \d+: .*(I[23] |paid again)/,
  },
  {
    name: 'simulated-fenced-start',
    safeguard: 're-issued pointers begin through the coordinator (L3)',
    file: 'services/load-balancer/src/intake/held.ts',
    find: 'const fenced = pointer.reissue || !fresh || isOverdue(pointer, message.storedAtMs, deps.timing)',
    replace: 'const fenced = pointer.spec === undefined',
    alsoEdits: [
      {
        file: 'services/load-balancer/src/placing/inflight-notes.ts',
        find: 'return { ...rest, reissue: true, node: nodeId }',
        replace: 'return { ...pointer, ...rest, node: nodeId }',
      },
    ],
    ...SIMULATION,
    because: /seed \d+: .*(paid again|told to stop|not ended)/,
  },
  {
    name: 'simulated-journal',
    safeguard: 'an attempt gets the calls that earlier attempts have paid for',
    file: 'services/coordinator/src/reports/handle-report.ts',
    find: 'calls: [...record.calls],',
    replace: 'calls: [],',
    ...SIMULATION,
    because: /seed \d+: .*paid again/,
  },
  {
    name: 'simulated-follower',
    safeguard: 'the follower issues a pointer that is missing (L8)',
    file: 'services/coordinator/src/repair/pointers.ts',
    find: 'return issuer.once(record, nodeId)',
    replace: 'return false',
    ...SIMULATION,
    because: /seed \d+: .*not ended/,
  },
  {
    name: 'simulated-ack',
    safeguard: 'a node acks a pointer only after the log holds the ending (L4)',
    file: 'services/worker/src/run/attempt.ts',
    find: 'const whose = by === undefined ? {} : { by }',
    replace: 'const whose = by === undefined ? {} : { by }\n    deps.acks.done(run.ackSubject)',
    ...SIMULATION,
    because: /seed \d+: .*acks what the log does not hold/,
  },
]
