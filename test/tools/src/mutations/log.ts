import type { Mutation } from './mutation.ts'

/** The log, its projection and the bus (L1, L2, L5, L7, L8, L9). */
export const LOG: readonly Mutation[] = [
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
    tests: ['libs/adapters/test/bus/bus.test.ts', '-t', 'the log'],
    caughtBy: /lets only one of several writers append after/,
    because: /to have a length of 1 but got 8/,
  },
  {
    name: 'message-id',
    safeguard: 'appends carry an id, which distinguishes a repeat from a conflict (L2)',
    edits: [
      {
        file: 'libs/adapters/src/log/appends.ts',
        find: 'if (append.messageId !== undefined) head',
        replace: "if (append.messageId === '') head",
      },
    ],
    tests: ['libs/adapters/test/bus/bus.test.ts', '-t', 'the log'],
    caughtBy: /answers a repeated append as stored/,
    because: /kind: 'conflict'/,
  },
  {
    name: 'expected-sequence-0',
    safeguard: 'a submission is the first event of its task (L1)',
    edits: [
      {
        file: 'libs/adapters/src/log/task-log.ts',
        find: '        expectSeq,\n        messageId,',
        replace: '        ...(expectSeq === 0 ? {} : { expectSeq }),\n        messageId,',
      },
    ],
    tests: ['services/gateway/test/service.test.ts', '-t', 'L1'],
    caughtBy: /another body is refused/,
    because: /instead of rejecting/,
  },
  {
    name: 'key-other-body',
    safeguard: 'an idempotency key with another body is refused (L1)',
    edits: [
      {
        file: 'services/gateway/src/tasks/submit.ts',
        find: 'if (record.tenant !== tenant || record.specHash !== specHash) {',
        replace: 'if (record.tenant !== tenant) {',
      },
    ],
    tests: ['services/gateway/test/service.test.ts', '-t', 'L1'],
    caughtBy: /another body is refused/,
    because: /instead of rejecting/,
  },
  {
    name: 'key-same-body',
    safeguard: 'the fingerprint of a body is that of the request, not of the resolved task (L1)',
    edits: [
      {
        file: 'services/gateway/src/tasks/submit.ts',
        find: 'hashSpec(submission.asked ?? spec)',
        replace: 'hashSpec(spec)',
      },
    ],
    tests: ['services/gateway/test/agents/routes.test.ts', '-t', 'L1', '--testTimeout=15000'],
    caughtBy: /even when its agent has changed/,
    because: /has another body/,
  },
  {
    name: 'republish',
    safeguard: 'a stored event is sent out at once (L5)',
    edits: [
      {
        file: 'libs/adapters/src/log/provision.ts',
        find: "      republish: { src: SUBJECTS.allLog, dest: 'live.{{wildcard(1)}}' },\n",
        replace: '',
      },
    ],
    tests: ['services/gateway/test/service.test.ts', '-t', 'L5'],
    caughtBy: /then sends new events live/,
    because: /to match object/,
  },
  {
    name: 'missed-hints',
    safeguard: 'a request that waits for an ending reads the log again after a gap (L6)',
    edits: [
      {
        file: 'services/gateway/src/tasks/held-requests.ts',
        find: '          entry.incomplete = true\n          entry.missed = true\n',
        replace: '          entry.missed = true\n',
      },
    ],
    tests: ['services/gateway/test/tasks/held-requests.test.ts'],
    caughtBy: /after missed events/,
    because: /expected/,
  },
  {
    name: 'log-full',
    safeguard: 'a log that is nine tenths full takes no new tasks (L7)',
    edits: [
      {
        file: 'services/gateway/src/tasks/admission.ts',
        find: 'if (logFill.full()) return logFull()\n',
        replace: '',
      },
    ],
    tests: ['services/gateway/test/tasks/admission.test.ts'],
    caughtBy: /nine tenths full/,
    because: /to match object/,
  },
  {
    name: 'submissions-max',
    safeguard: 'the submissions under way are bounded (L7)',
    edits: [
      {
        file: 'services/gateway/src/tasks/admission.ts',
        find: 'if (inFlight >= submissionsMax || tooMuch) {',
        replace: 'if (inFlight >= Infinity || tooMuch) {',
      },
    ],
    tests: ['services/gateway/test/tasks/admission.test.ts'],
    caughtBy: /beyond the limit is refused/,
    because: /expected undefined/,
  },
  {
    name: 'trim-living',
    safeguard: 'the log is not trimmed under a living task (L7)',
    edits: [
      {
        file: 'services/coordinator/src/follower/trim.ts',
        find: 'Math.min(expired.seq + 1, deps.tasks.neededFrom() ?? Infinity),',
        replace: 'expired.seq + 1,',
      },
    ],
    tests: ['services/coordinator/test/repair/repair.test.ts', '-t', 'trimming removes'],
    caughtBy: /never removes events of an unfinished task/,
    because: /firstSeq/,
  },
  {
    name: 'trim',
    safeguard: 'the log is trimmed behind ended tasks (L7)',
    edits: [
      {
        file: 'services/coordinator/src/follower/trim.ts',
        find: "if (decision.kind === 'purge') {",
        replace: 'if (firstSeq > Infinity) {',
      },
    ],
    tests: ['services/coordinator/test/repair/repair.test.ts', '-t', 'trimming removes'],
    caughtBy: /trimming removes the events of ended tasks/,
    because: /firstSeq/,
  },
  {
    name: 'follower-pointer',
    safeguard: 'the follower gives a pointer to a task that has none (L8)',
    edits: [
      {
        file: 'services/coordinator/src/repair/pointers.ts',
        find: 'return issuer.once(record)',
        replace: 'return false',
      },
    ],
    tests: ['services/coordinator/test/repair/repair.test.ts', '-t', 'no pointer'],
    caughtBy: /gets one once it is no longer young/,
    because: /issued/,
  },
  {
    name: 'stray-pointer',
    safeguard: 'the follower removes the pointer of an ended task (L8)',
    edits: [
      {
        file: 'services/coordinator/src/repair/pointers.ts',
        find: 'return pointers.remove(record.spec.priority, record.tenant, taskId)',
        replace: 'return false',
      },
    ],
    tests: ['services/coordinator/test/repair/repair.test.ts', '-t', 'a pointer of an ended task'],
    caughtBy: /is removed/,
    because: /to deeply equal/,
  },
  {
    name: 'rebuild',
    safeguard: 'the projection is rebuilt from the log (L8)',
    edits: [
      {
        file: 'services/coordinator/src/follower/rebuild.ts',
        find: 'if (record !== undefined && event.seq > afterSeq) projector.add(record, event.bytes)',
        replace: 'if (record !== undefined && events < 0) projector.add(record, event.bytes)',
      },
    ],
    tests: ['services/coordinator/test/repair/repair.test.ts', '-t', 'rebuilt'],
    caughtBy: /is rebuilt from the log/,
    because: /expected undefined to match object/,
  },
  {
    name: 'one-pointer',
    safeguard: 'a task has one pointer however often it is issued (L8)',
    edits: [
      {
        file: 'libs/adapters/src/log/provision.ts',
        find: '      max_msgs_per_subject: 1,\n      discard_new_per_subject: true,',
        replace: '      max_msgs_per_subject: -1,',
      },
    ],
    tests: ['libs/adapters/test/bus/bus.test.ts', '-t', 'pointers'],
    caughtBy: /exist once per task/,
    because: /expected 'issued' to be 'present'/,
  },
  {
    name: 'projection-forward',
    safeguard: 'the projection moves forward only (L8)',
    edits: [
      {
        file: 'libs/adapters/src/store/store-scripts.ts',
        find: "if not behind or behind < 0 or (behind == 0 and listed ~= 'i') then",
        replace: 'if true then',
      },
    ],
    tests: ['libs/adapters/test/bus/bus.test.ts', '-t', 'replaces a record only by a newer record'],
    caughtBy: /replaces a record only by a newer record/,
    because: /state: 'completed'/,
  },
  {
    name: 'projection-stale',
    safeguard: 'a record that is behind the log is not shown (L8)',
    edits: [
      {
        file: 'services/gateway/src/tasks/reads.ts',
        find: '      return log.record(taskId)',
        replace: '      return stored',
      },
    ],
    tests: ['services/gateway/test/service.test.ts', '-t', 'L8', '--testTimeout=15000'],
    caughtBy: /while Redis is unavailable, the gateway reads tasks from the log/,
    because: /The task does not exist/,
  },
  {
    name: 'usage-once',
    safeguard: 'each stretch of the log counts once in the usage (L8)',
    edits: [
      {
        file: 'libs/adapters/src/limits/rate-limit-scripts.ts',
        find: 'if at ~= ARGV[1] then return at end\n',
        replace: '',
      },
    ],
    tests: ['libs/adapters/test/limits/provider-limits.test.ts', '-t', 'totals'],
    caughtBy: /count each range of log events once/,
    because: /to deeply equal/,
  },
  {
    name: 'death-once',
    safeguard: 'a process is declared dead once, however many monitors there are',
    edits: [
      {
        file: 'libs/adapters/src/ops/ops.ts',
        find: 'const answer = await append(subject, death, last?.seq ?? 0, messageId)',
        replace: 'const answer = await append(subject, death)',
      },
      {
        file: 'libs/adapters/src/ops/ops.ts',
        find: 'if (last !== undefined && last.death.incarnation >= death.incarnation) {',
        replace: 'if (last !== undefined && last.death.incarnation < 0) {',
      },
    ],
    tests: ['libs/adapters/test/bus/bus.test.ts', '-t', 'deaths'],
    caughtBy: /are stored once for an incarnation of a node, even if several/,
    because: /to have a length of 1 but got 3/,
  },
  {
    name: 'bus-permissions',
    safeguard: 'a worker cannot write the log (L9)',
    edits: [
      {
        file: 'libs/protocol/src/channels/stored.ts',
        find: "    body: taskEventSchema,\n    senders: ['gateway', 'coordinator'],",
        replace: "    body: taskEventSchema,\n    senders: ['gateway', 'coordinator', 'worker'],",
      },
    ],
    tests: ['libs/protocol/test/permissions.test.ts'],
    caughtBy: /do not allow a worker to write the log, pointers or deaths/,
    because: /log\.\*/,
  },
  {
    name: 'redis-permissions',
    safeguard: 'a worker has only the Redis rights that its limits need (L9)',
    edits: [
      {
        file: 'libs/protocol/src/redis-rules.ts',
        find: "'+zadd +zrem +zcard +zscore +zremrangebyscore +zrangebyscore'",
        replace: "'~* +@all'",
      },
    ],
    tests: ['libs/adapters/test/limits/provider-limits.test.ts', '-t', 'Redis user'],
    caughtBy: /can neither read nor write anything else/,
    because: /NOPERM/,
  },
  {
    name: 'node-permissions',
    safeguard: 'a node receives and sends only what concerns it (L9)',
    edits: [
      {
        file: 'libs/protocol/src/permissions.ts',
        find: 'ownNode === side ? { nodeId } : {}',
        replace: 'ownNode === side ? {} : {}',
      },
    ],
    tests: ['services/coordinator/test/identity.test.ts'],
    caughtBy: /cannot listen to the dispatches of another node|in the name of another node/,
    because: /node-|to deeply equal|toBeGreaterThan/,
  },
  {
    name: 'missed-live',
    safeguard: 'readers of live events get a signal for a gap (L6)',
    edits: [
      {
        file: 'services/gateway/src/stream/live.ts',
        find: 'for (const sink of sinks) sink.missed()',
        replace: 'void sinks',
      },
    ],
    tests: ['services/gateway/test/stream/live.test.ts'],
    caughtBy: /after the gateway has reconnected to the bus, every reader/,
    because: /expected/,
  },
]
