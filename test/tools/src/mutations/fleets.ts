import type { Mutation } from './mutation.ts'

/** Safeguards that only whole fleets show. */
export const FLEETS: readonly Mutation[] = [
  {
    name: 'follower',
    safeguard: 'the follower completes the missing effects of an event (L8)',
    file: 'services/coordinator/src/repair/pointers.ts',
    find: 'return issuer.once(record)',
    replace: 'return false',
    tests: ['test/chaos/exact-points.test.ts', '-t', 'gateway'],
    caughtBy: /leaves the stored task to a coordinator/,
    because: /expected 'submitted' to be 'completed'/,
  },
  {
    name: 'compare-and-set-frozen-node',
    safeguard: 'a node that was frozen and taken over commits nothing (L3)',
    file: 'libs/adapters/src/log/appends.ts',
    find: 'if (append.expectSeq !== undefined) {',
    replace: 'if (append.expectSeq === -1) {',
    tests: ['test/chaos/worker-death.test.ts', '-t', 'frozen'],
    caughtBy: /does not commit a task that another node took over/,
    because: /VIOLATIONS|I3|extra|less than or equal/,
  },
]
