import type { Mutation } from './mutation.ts'

const SHARES = 'services/load-balancer/test/intake/tenant-shares.test.ts'

/** A node speaks for itself only, and no service believes more than can be true (L9). */
export const NODES: readonly Mutation[] = [
  {
    name: 'forged-figures',
    safeguard: 'the answer to a dispatch carries figures of the asked node only',
    file: 'services/load-balancer/src/placing/dispatcher.ts',
    find: 'if (reply.heartbeat.nodeId === nodeId) nodes',
    replace: 'nodes',
    test: 'services/load-balancer/test/intake/sharing.test.ts',
    caughtBy: /does not take the other node out of service/,
  },
  {
    name: 'forged-ending',
    safeguard: 'a node ends no task of another node',
    file: 'services/load-balancer/src/intake/in-flight.ts',
    find: 'if (tasks.get(taskId)?.nodeId === nodeId) remove(taskId)',
    replace: 'remove(taskId)',
    test: SHARES,
    caughtBy: /a task counts once towards the limit of its tenant/,
  },
  {
    name: 'forged-claims',
    safeguard: 'nodes claim no more tasks of a tenant than are in flight',
    file: 'libs/domain/src/placement/bounded-runs.ts',
    find: 'const taken = Math.min(count, room)',
    replace: 'const taken = count',
    test: SHARES,
    caughtBy: /L9: a node that claims tasks of a tenant which are not in flight/,
  },
  {
    name: 'forged-run',
    safeguard: 'only a node that was given a task says that it runs',
    file: 'services/coordinator/src/repair/pointers.ts',
    find: ' || !checkClaim(claimKey, claim, taskId, nodeId)',
    replace: '',
    test: 'services/coordinator/test/repair/repair.test.ts',
    caughtBy: /only a node that was given a task/,
  },
  {
    name: 'room-of-all',
    safeguard: 'one node leaves room for the reports of the others',
    file: 'services/coordinator/src/reports/room.ts',
    find: '(max - used + own) * part',
    replace: 'max - used + own',
    test: 'services/coordinator/test/reports/batch.test.ts',
    caughtBy: /one node cannot take the room/,
  },
  {
    name: 'restart-flood',
    safeguard: 'a node is replaced at most once a second',
    file: 'services/health-monitor/src/nodes/nodes.ts',
    find: 'nowMs - entry.sinceMs < INCARNATION_MIN_MS',
    replace: 'nowMs < 0',
    caughtBy: /is replaced at most once a second/,
  },
]
