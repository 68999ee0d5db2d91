import type { Mutation } from './mutation.ts'

/** Safeguards that only whole fleets show. */
export const FLEETS: readonly Mutation[] = [
  {
    name: 'follower',
    safeguard: 'the follower completes the missing effects of an event (L8)',
    file: 'services/coordinator/src/repair/pointers.ts',
    find: 'return issuer.once(record)',
    replace: 'return false',
    test: 'test/chaos/exact-points.test.ts',
    caughtBy: /leaves the stored task to a coordinator/,
    because: /expected 'submitted' to be 'completed'/,
  },
]
