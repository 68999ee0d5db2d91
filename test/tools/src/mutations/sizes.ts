import type { Mutation } from './mutation.ts'

/** Bounds in bytes, and what a slow reader may cost others (L7). */
export const SIZES: readonly Mutation[] = [
  {
    name: 'viewer-turns',
    safeguard: 'a viewer with little to read does not wait for viewers with much (L7)',
    file: 'services/gateway/src/stream/turns.ts',
    find: 'if (isBefore(one, best) || !isBefore(best, one)) next = at',
    replace: 'if (at < 0) next = at',
    caughtBy: /a viewer with little to read does not wait for viewers with much/,
    because: /to be less than/,
  },
  {
    name: 'stalled-connection',
    safeguard: 'a connection that takes nothing ends (L7)',
    file: 'services/gateway/src/http/slow-readers.ts',
    find: 'if (isStalled(socket, reader, nowMs)) ended.push(socket)',
    replace: 'if (isStalled(socket, reader, nowMs) && nowMs < 0) ended.push(socket)',
    caughtBy: /a connection that takes no bytes for 20 s is closed/,
    because: /expected \+?0/,
  },
  {
    name: 'last-answer',
    safeguard: 'no request is served behind the answer after which its connection ends',
    file: 'services/gateway/src/http/slow-readers.ts',
    find: 'if (answers.some(({ shouldKeepAlive }) => !shouldKeepAlive)) {',
    replace: 'if (answers.length > 2 * ANSWERS_MAX) {',
    tests: ['services/gateway/test/http/pipelines.test.ts'],
    caughtBy: /is either answered or not stored/,
    because: /to be/,
  },
  {
    name: 'queued-answers',
    safeguard:
      'a request that waits behind an earlier one gives back its place when its connection ends (L7)',
    file: 'services/gateway/src/http/slow-readers.ts',
    find: "      answer.emit('close')",
    replace: '',
    tests: ['services/gateway/test/http/pipelines.test.ts'],
    caughtBy: /requests that wait behind an earlier one give back their places/,
    because: /expected/,
  },
  {
    name: 'specs-in-memory',
    safeguard: 'the texts of large tasks stay in the log (L7)',
    file: 'services/coordinator/src/follower/task-table.ts',
    find: 'const whole = entry === undefined && !fits ? factsOf(record) : record',
    replace: 'const whole = entry === undefined && !fits ? { ...record } : record',
    tests: ['services/coordinator/test/follower/task-table.test.ts', '-t', 'stay in the log'],
    caughtBy: /the texts of a large spec stay in the log/,
  },
  {
    name: 'unwritten-records',
    safeguard: 'records that wait for Redis are bounded (L7)',
    file: 'services/coordinator/src/projection/unwritten.ts',
    find: 'if (used + ask <= DIRTY_MAX_BYTES) return true',
    replace: 'if (used + ask <= DIRTY_MAX_BYTES * 1_000) return true',
    tests: [
      'services/coordinator/test/projection/projector.test.ts',
      '-t',
      'while Redis is unavailable',
    ],
    caughtBy: /unwritten records take at most 32 MiB/,
  },
  {
    name: 'unwritten-shares',
    safeguard: 'records of one tenant that wait for Redis leave room to those of the others (L7)',
    file: 'services/coordinator/src/projection/unwritten.ts',
    find: 'ask, tenants: tenants() }',
    replace: 'ask, tenants: 1 }',
    tests: [
      'services/coordinator/test/projection/projector.test.ts',
      '-t',
      'every record of a quiet',
    ],
    caughtBy: /every record of a quiet tenant is written/,
  },
]
