import type { Mutation } from './mutation.ts'

/** Safeguards that only whole fleets show. */
export const FLEETS: readonly Mutation[] = [
  {
    name: 'follower',
    safeguard: 'the follower completes the missing effects of an event (L8)',
    file: 'services/coordinator/src/repair/pointers.ts',
    find: 'return issuer.once(record, nodeId)',
    replace: 'return false',
    test: 'test/chaos/exact-points.test.ts',
    caughtBy: /leaves the stored task to a coordinator/,
    because: /expected 'submitted' to be 'completed'/,
  },
  {
    name: 'old-bundle',
    safeguard:
      'processes run the present sources: a bundle is made again when one of its files has changed',
    file: 'libs/local/bundle.mjs',
    find: 'if (hashOf(root, absolute(root, files)) !== hash) return false',
    replace: 'if (hash === undefined) return false',
    test: 'libs/local/test/bundle.test.ts',
    caughtBy: /is made again when one of its files has changed/,
    because: /to (deeply )?equal/,
  },
]
