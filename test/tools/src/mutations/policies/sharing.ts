import type { Mutation } from '../mutation.ts'

/** The sharing of slots between priorities and tenants, and ejection. */
export const SHARING: readonly Mutation[] = [
  {
    name: 'intake-credits',
    safeguard: 'no more pointers are fetched than there are credits (L7)',
    edits: [
      {
        file: 'libs/domain/src/placement/intake.ts',
        find: 'return Math.max(0, Math.min(free, entitlement(priority, snapshot)))',
        replace: 'return Math.max(0, entitlement(priority, { ...snapshot, credits: 2 * credits }))',
      },
    ],
    tests: ['libs/domain/test/placement/intake.test.ts'],
    caughtBy: /leaves a share to tasks of low priority next to a backlog/,
    because: /expected 120 to be 60/,
  },
  {
    name: 'intake-weights',
    safeguard: 'low priority is served next to a backlog of high priority',
    edits: [
      {
        file: 'libs/domain/src/placement/intake.ts',
        find: 'const WEIGHT: Record<Level, number> = { high: 6, medium: 3, low: 1 }',
        replace: 'const WEIGHT: Record<Level, number> = { high: 6, medium: 3, low: 0.001 }',
      },
    ],
    tests: ['libs/domain/test/placement/intake.test.ts'],
    caughtBy: /leaves a share to tasks of low priority next to a backlog/,
    because: /expected 70 to be 60/,
  },
  {
    name: 'intake-nothing-free',
    safeguard: 'nothing is fetched while no credit is free',
    edits: [
      {
        file: 'libs/domain/src/placement/intake.ts',
        find: 'if (credits < 1) return 0',
        replace: 'if (credits < -1) return 0',
      },
    ],
    tests: ['libs/domain/test/placement/intake.test.ts'],
    caughtBy: /gives nearly all credits to the only priority with a backlog/,
    because: /expected 1 to be \+?0/,
  },
  {
    name: 'fair-share',
    safeguard: 'free slots go to the tenant that holds least',
    edits: [
      {
        file: 'libs/domain/src/placement/fair-share.ts',
        find: 'if (a.level !== b.level) return a.level < b.level',
        replace: 'if (a.level !== b.level) return a.level > b.level',
      },
    ],
    tests: ['libs/domain/test/placement/fair-share.test.ts'],
    caughtBy: /a new tenant gets every free slot/,
    because: /'crowd' => 10/,
  },
  {
    name: 'fair-share-weight',
    safeguard: 'tenants get slots by their weight',
    edits: [
      {
        file: 'libs/domain/src/placement/fair-share.ts',
        find: 'turn.level += claim.taskCost / claim.weight',
        replace: 'turn.level += claim.taskCost',
      },
    ],
    tests: ['libs/domain/test/placement/fair-share.test.ts'],
    caughtBy: /the shares depend on weights and costs/,
    because: /'heavy' => 200/,
  },
  {
    name: 'tenant-limit',
    safeguard: 'a tenant has no more in flight than its limit',
    edits: [
      {
        file: 'libs/domain/src/placement/fair-share.ts',
        find: 'return concurrency === undefined ? Infinity : Math.max(0, concurrency - inFlight)',
        replace: 'return Infinity',
      },
    ],
    tests: ['libs/domain/test/placement/fair-share.test.ts'],
    caughtBy: /a tenant at its limit gets no more credits, and other tenants/,
    because: /to be 2|'limited'/,
  },
  {
    name: 'ejection',
    safeguard: 'a node that fails by its own fault is ejected',
    edits: [
      {
        file: 'libs/domain/src/placement/ejection.ts',
        find: 'if (consecutive >= CONSECUTIVE_MAX) return',
        replace: 'if (consecutive >= Infinity) return',
      },
    ],
    tests: ['libs/domain/test/placement/ejection.test.ts'],
    caughtBy: /takes a node out at five failures in a row/,
    because: /to deeply equal \{ a: 'out' \}/,
  },
  {
    name: 'ejection-rate',
    safeguard: 'a node that fails one task in five is ejected',
    edits: [
      {
        file: 'libs/domain/src/placement/ejection.ts',
        find: 'if (tasks >= TASKS_MIN && oks / tasks < SUCCESS_MIN) {',
        replace: 'if (tasks >= TASKS_MIN && oks / tasks < 0) {',
      },
    ],
    tests: ['libs/domain/test/placement/ejection.test.ts'],
    caughtBy: /less than four of five tasks succeed/,
    because: /to deeply equal \{ a: 'out' \}/,
  },
  {
    name: 'ejection-third',
    safeguard: 'at most a third of the fleet is ejected',
    edits: [
      {
        file: 'libs/domain/src/placement/ejection.ts',
        find: 'wanted.slice(0, outMax).map(',
        replace: 'wanted.map(',
      },
    ],
    tests: ['libs/domain/test/placement/ejection.test.ts'],
    caughtBy: /takes out at most a third/,
    because: /Property failed/,
  },
  {
    name: 'ejection-probe',
    safeguard: 'one probe decides whether an ejected node returns',
    edits: [
      {
        file: 'libs/domain/src/placement/ejection.ts',
        find: "return [id, due ? 'probe' : 'out']",
        replace: "return [id, due ? 'out' : 'out']",
      },
    ],
    tests: ['libs/domain/test/placement/ejection.test.ts'],
    caughtBy: /ends with one probe task/,
    because: /to deeply equal \{ a: 'probe' \}/,
  },
  {
    name: 'provider-not-node',
    safeguard: 'a failure of the provider is not the fault of the node',
    edits: [
      {
        file: 'libs/domain/src/llm/failure.ts',
        find: "return kind === 'defect' || kind === 'no-provider'",
        replace: "return kind === 'defect' || kind === 'no-provider' || kind === 'status'",
      },
    ],
    tests: ['libs/domain/test/llm/failure.test.ts'],
    caughtBy: /a failure of the provider is not the fault of the node/,
    because: /Property failed/,
  },
  {
    name: 'tenant-share',
    safeguard: 'no tenant takes the last room of a store that all tenants fill',
    edits: [
      {
        file: 'libs/domain/src/tenant/share.ts',
        find: '(capacity - others) / 2',
        replace: 'capacity - others',
      },
    ],
    tests: ['libs/domain/test/tenant/share.test.ts'],
    caughtBy: /a tenant may use half of what the other tenants leave free/,
    because: /refuse/,
  },
]
