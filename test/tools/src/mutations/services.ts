import type { Mutation } from './mutation.ts'

/** Rules of single services: handover, tenants, advice, recovery. */
export const SERVICES: readonly Mutation[] = [
  {
    name: 'no-responders',
    safeguard: 'a task is placed elsewhere at once when its node is gone',
    edits: [
      {
        file: 'services/load-balancer/src/placing/dispatcher.ts',
        find: "if (answer.kind !== 'no-responders') {",
        replace: "if (answer.kind !== 'reply') {",
      },
    ],
    tests: ['services/load-balancer/test/placing/placing.test.ts', '-t', 'the dispatch of a task'],
    caughtBy: /to a node without a listener is placed on another node/,
    because: /to be undefined/,
  },
  {
    name: 'silent-dispatch',
    safeguard: 'a dispatch without an answer is left to its lease, not placed twice',
    edits: [
      {
        file: 'services/load-balancer/src/placing/dispatcher.ts',
        find: "if (answer.kind !== 'no-responders') {",
        replace: "if (answer.kind === 'unavailable') {",
      },
    ],
    tests: ['services/load-balancer/test/placing/placing.test.ts', '-t', 'the dispatch of a task'],
    caughtBy: /without an answer is left to the lease/,
    because: /expected/,
  },
  {
    name: 'tenant-limit-fresh',
    safeguard: "fresh tasks above a tenant's limit are not taken",
    edits: [
      {
        file: 'services/load-balancer/src/intake/tenant-shares.ts',
        find: 'if (waits(tenant) || roomOf(standing(tenant)) < 1) {',
        replace: 'if (waits(tenant) || roomOf(standing(tenant)) < -1000) {',
      },
    ],
    tests: ['services/load-balancer/test/intake/tenant-shares.test.ts'],
    caughtBy: /tasks above the limit of their tenant are not placed/,
    because: /expected/,
  },
  {
    name: 'lost-ending',
    safeguard: 'an ending whose message was lost does not hold a place for ever (L6)',
    edits: [
      {
        file: 'services/load-balancer/src/intake/tenant-shares.ts',
        find: 'if (held.tasks.size <= active + queued) return',
        replace: 'if (held.tasks.size > -1) return',
      },
    ],
    tests: ['services/load-balancer/test/intake/tenant-shares.test.ts'],
    caughtBy: /L6: a task whose end message was lost does not count/,
    because: /expected/,
  },
  {
    name: 'tenant-limit-shared',
    safeguard: "load balancers fill a tenant's limit together, none of them alone",
    edits: [
      {
        file: 'libs/domain/src/placement/tenant-places.ts',
        find: 'return Math.max(0, Math.min(mine, left - others))',
        replace: 'return left',
      },
    ],
    tests: ['libs/domain/test/placement/tenant-places.test.ts'],
    caughtBy: /PLACE-2: the limit of a tenant is never exceeded/,
    because: /expected|Counterexample/,
  },
  {
    name: 'tenant-limit-unknown',
    safeguard: 'a new load balancer fills no limit before it knows what runs',
    edits: [
      {
        file: 'libs/domain/src/placement/tenant-places.ts',
        find: 'if (count === undefined) return 0',
        replace: 'if (count === undefined) return limit',
      },
    ],
    tests: ['libs/domain/test/placement/tenant-places.test.ts'],
    caughtBy: /PLACE-2: a load balancer starts no task of a tenant/,
    because: /expected/,
  },
  {
    name: 'advice-in-shadow',
    safeguard: 'advice in shadow changes nothing',
    edits: [
      {
        file: 'libs/adviser/src/consult.ts',
        find: "mode === 'on' ? { kind: 'applied'",
        replace: "mode !== undefined ? { kind: 'applied'",
      },
    ],
    tests: ['libs/adviser/test/modes.test.ts', '--testTimeout=15000'],
    caughtBy: /asks the LLM and records the answers in mode shadow/,
    because: /expected/,
  },
  {
    name: 'adviser-clamp',
    safeguard: 'advice is clamped to its bounds',
    edits: [
      {
        file: 'libs/adviser/src/consult.ts',
        find: 'question.clamp(structuredClone(kept.answer) as A, seen)',
        replace:
          '{\n      answer: kept.answer as A,\n      clamped: question.clamp(structuredClone(kept.answer) as A, seen).clamped,\n    }',
      },
    ],
    tests: ['libs/adviser/test/attacks.test.ts', '--testTimeout=15000'],
    caughtBy: /an answer to the adviser that is out of bounds/,
    because: /expected/,
  },
  {
    name: 'adviser-budget',
    safeguard: 'an adviser stays within its budget (L7)',
    edits: [
      {
        file: 'libs/adviser/src/consult.ts',
        find: 'if (reservation === undefined) {',
        replace: 'if (reservation === null) {',
      },
    ],
    tests: ['libs/adviser/test/bounds.test.ts', '--testTimeout=15000'],
    caughtBy: /bounds the calls in any hour/,
    because: /to deeply equal/,
  },
  {
    name: 'adviser-breaker',
    safeguard: 'an adviser that fails too often is not asked',
    edits: [
      {
        file: 'libs/adviser/src/consult.ts',
        find: "end(read.kind === 'good' ? 'good' : read.kind === 'cancelled' ? 'unknown' : 'bad')",
        replace: "end('good')",
      },
    ],
    tests: ['libs/adviser/test/bounds.test.ts', '--testTimeout=15000'],
    caughtBy: /opens after three failures/,
    because: /expected/,
  },
  {
    name: 'pool-exit-zero',
    safeguard: 'a local worker that ends below the count is replaced, for any ending',
    edits: [
      {
        file: 'libs/local/src/pool.ts',
        find: 'void member.exited().then(() => {',
        replace: 'void member.exited().then(({ code }) => {\n      if (code === 0) return',
      },
    ],
    tests: ['libs/orchestrator/test/conformance.test.ts', '--testTimeout=15000'],
    caughtBy: /starts another process when a process ends with exit code 0/,
    because: /expected/,
  },
  {
    name: 'pool-leave',
    safeguard: 'a local worker that leaves no longer counts',
    edits: [
      {
        file: 'libs/local/src/pool.ts',
        find: 'if (living().some((member) => member.id === id)) leaving.add(id)',
        replace: '',
      },
    ],
    tests: ['libs/orchestrator/test/conformance.test.ts', '--testTimeout=15000'],
    caughtBy: /ends exactly the processes that were chosen to stop, and does/,
    because: /expected/,
  },
  {
    name: 'orchestrator-owned-pods',
    safeguard: 'only pods that the Deployment owns are deleted',
    edits: [
      {
        file: 'libs/orchestrator/src/kubernetes/driver.ts',
        find: 'if (!isOwn(pod, deployment)) throw',
        replace: 'if (pod.kind === deployment) throw',
      },
    ],
    tests: ['libs/orchestrator/test/kubernetes/pods.test.ts', '--testTimeout=15000'],
    caughtBy: /K1: a pod that the Deployment does not own is never deleted/,
    because: /promise resolved|expected/,
  },
  {
    name: 'outcome-once',
    safeguard: 'the outcome of a decision is stored once, however many processes measure it',
    edits: [
      {
        file: 'libs/control-plane/src/outcomes.ts',
        find: ', outcome, `${service}.outcome.${key}`)',
        replace: ', outcome)',
      },
    ],
    tests: ['libs/control-plane/test/decision-recorder.test.ts', '--testTimeout=15000'],
    caughtBy: /each outcome is stored once/,
    because: /expected/,
  },
  {
    name: 'decision-allowance',
    safeguard: 'alternating decisions do not flood the record',
    edits: [
      {
        file: 'libs/control-plane/src/allowance.ts',
        find: 'if (left < 1) return false',
        replace: '',
      },
    ],
    tests: ['libs/control-plane/test/decision-recorder.test.ts', '--testTimeout=15000'],
    caughtBy: /rate-limited decisions are recorded in a burst at first/,
    because: /expected/,
  },
  {
    name: 'adviser-figures',
    safeguard: 'a prompt to an adviser holds figures only',
    edits: [
      {
        file: 'libs/adviser/src/consult.ts',
        find: 'if (prompt === undefined) {',
        replace: 'if (seen === undefined) {',
      },
    ],
    tests: ['libs/adviser/test/figures.test.ts', '--testTimeout=15000'],
    caughtBy: /the prompt of the adviser does not contain/,
    because: /to deeply equal/,
  },
  {
    name: 'moved-note',
    safeguard: 'the note of a run on another node outlives the repair of its former one',
    edits: [
      {
        file: 'libs/adapters/src/store/store-scripts.ts',
        find: "if redis.call('HGET', 'inflight', ARGV[i]) == ARGV[i+1] then",
        replace: 'if true then',
      },
    ],
    tests: ['services/recovery/test/service.test.ts', '-t', 'R1', '--testTimeout=15000'],
    caughtBy: /R1: an in-flight note that a new node writes/,
    because: /to have a length of 1/,
  },
  {
    name: 'leader',
    safeguard: 'a follower of the autoscaler does nothing',
    edits: [
      {
        file: 'services/autoscaler/src/service.ts',
        find: 'if (leadership.leading() && leaderState === undefined) {',
        replace: 'if (leaderState === undefined) {',
      },
      {
        file: 'services/autoscaler/src/service.ts',
        find: 'if (leaderState === undefined || !leadership.leading()) {',
        replace: 'if (leaderState === undefined) {',
      },
      {
        file: 'services/autoscaler/src/service.ts',
        find: "if (kind === 'hold' || !leadership.leading() || !orchestrator.acts) return false",
        replace: "if (kind === 'hold' || !orchestrator.acts) return false",
      },
    ],
    tests: ['services/autoscaler/test/service.test.ts', '-t', 'S1', '--testTimeout=15000'],
    caughtBy: /S1: scales only while it leads, and only observes before/,
    because: /expected/,
  },
  {
    name: 'tenants-apart',
    safeguard: 'a tenant sees no task of another one',
    edits: [
      {
        file: 'services/gateway/src/tasks/routes.ts',
        find: 'if (record === undefined || record.tenant !== request.tenant) throw taskNotFound()',
        replace: 'if (record === undefined) throw taskNotFound()',
      },
    ],
    tests: [
      'services/gateway/test/service.test.ts',
      '-t',
      'a tenant does not see',
      '--testTimeout=15000',
    ],
    caughtBy: /a tenant does not see anything of another tenant/,
    because: /instead of rejecting/,
  },
  {
    name: 'api-key',
    safeguard: 'a wrong API key is refused',
    edits: [
      {
        file: 'services/gateway/src/http/auth.ts',
        find: 'if (principal === undefined) {',
        replace: 'if (principal === undefined && scope === undefined) {',
      },
    ],
    tests: ['services/gateway/test/http/auth.test.ts'],
    caughtBy: /an API key identifies its tenant/,
    because: /expected/,
  },
  {
    name: 'scope',
    safeguard: 'a key may use only operations of its scopes',
    edits: [
      {
        file: 'libs/domain/src/principal/admit.ts',
        find: 'if (scope !== undefined && !scopes.includes(scope))',
        replace: 'if (scope !== undefined && scopes.length === 0)',
      },
    ],
    tests: ['libs/domain/test/principal/admit.test.ts'],
    caughtBy: /a principal is admitted for exactly the scopes that it has/,
    because: /expected/,
  },
  {
    name: 'own-approval',
    safeguard: 'the key that submitted a task does not approve it if the task asks for another key',
    edits: [
      {
        file: 'libs/domain/src/principal/approvers.ts',
        find: '(submittedBy !== undefined && submittedBy !== by)',
        replace: '(submittedBy !== undefined || by === undefined)',
      },
    ],
    tests: ['libs/domain/test/principal/approvers.test.ts'],
    caughtBy: /every key may approve it except the key that submitted the task/,
    because: /expected/,
  },
  {
    name: 'rotated-secret',
    safeguard: 'the former secret of a key ends with the overlap',
    edits: [
      {
        file: 'libs/domain/src/principal/api-key.ts',
        find: 'untilMs === undefined || untilMs > nowMs',
        replace: 'untilMs === undefined || nowMs >= 0',
      },
    ],
    tests: ['libs/domain/test/principal/api-key.test.ts'],
    caughtBy: /the rotation of an API key keeps the previous secret valid/,
    because: /expected/,
  },
  {
    name: 'decisions-max',
    safeguard: 'a gateway holds only so many decisions (L7)',
    edits: [
      {
        file: 'services/gateway/src/fleet/recent-decisions.ts',
        find: 'if (decisions.size > DECISIONS_MAX) {',
        replace: 'if (decisions.size > Infinity) {',
      },
    ],
    tests: ['services/gateway/test/fleet/recent-decisions.test.ts'],
    caughtBy: /only the latest decisions and incidents are kept/,
    because: /expected/,
  },
  {
    name: 'placing-shadow',
    safeguard: 'a task does not wait for advice in shadow',
    edits: [
      {
        file: 'services/load-balancer/src/placing/advising.ts',
        find: "if (adviser.mode === 'shadow') {",
        replace: 'if (waiting < 0) {',
      },
    ],
    tests: ['services/load-balancer/test/placing/advised.test.ts', '-t', 'in mode shadow'],
    caughtBy: /does not wait for the adviser in mode shadow/,
    because: /expected/,
  },
]
