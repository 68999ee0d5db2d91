import type { Mutation } from '../mutation.ts'

/** The number of nodes. */
export const SCALING: readonly Mutation[] = [
  {
    name: 'nodes-max',
    safeguard: 'the fleet does not grow beyond its maximum (L7)',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: 'Math.min(limits.nodesMax, Math.max(limits.nodesMin, count))',
        replace: 'Math.max(limits.nodesMin, count)',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /a flood, at most 20/,
    because: /to match object/,
  },
  {
    name: 'nodes-min',
    safeguard: 'the fleet does not shrink below its minimum',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: 'Math.min(limits.nodesMax, Math.max(limits.nodesMin, count))',
        replace: 'Math.min(limits.nodesMax, count)',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /no demand at the minimum/,
    because: /to match object/,
  },
  {
    name: 'blind',
    safeguard: 'without figures the fleet never shrinks',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: "if (cluster.missing > 0) return hold('figures-missing')\n",
        replace: '',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /a silent node/,
    because: /to match object/,
  },
  {
    name: 'provider-budget',
    safeguard: 'a provider that refuses is not answered with more nodes',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: "if ((cluster.throttledShare ?? 0) > limits.refusedMax) return hold('provider-budget', true)",
        replace: "if ((cluster.throttledShare ?? 0) > 1) return hold('provider-budget', true)",
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /a provider that refuses \(/,
    because: /to match object/,
  },
  {
    name: 'scale-out-step',
    safeguard: 'a fleet is at most doubled in one step',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: 'const to = Math.min(wanted, reachable)',
        replace: 'const to = wanted',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /never more than doubles a large fleet at once/,
    because: /nodes: 200/,
  },
  {
    name: 'scale-in-window',
    safeguard: 'a fleet shrinks to the highest wanted count of the window',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: 'const floor = Math.max(wanted, bounded(outlook.wantedMax))',
        replace: 'const floor = wanted',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /demand lately/,
    because: /to match object/,
  },
  {
    name: 'cooldown',
    safeguard: 'a fleet that has just grown does not shrink',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: "if (nowMs - cluster.scaledOutAtMs < limits.cooldownMs) return hold('cooldown')\n",
        replace: '',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /growth a moment ago/,
    because: /to match object/,
  },
  {
    name: 'scale-in-step',
    safeguard: 'a fleet shrinks in small steps',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: "return decided('scale-in', Math.max(floor, nodes - step), 'idle-capacity')",
        replace: "return decided('scale-in', floor, 'idle-capacity')",
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /little demand \(/,
    because: /to match object/,
  },
  {
    name: 'dead-band',
    safeguard: 'a small change of demand changes nothing',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: 'const settled = floor <= nodes && nodes < reactive',
        replace: 'const settled = floor > nodes && nodes < reactive',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /within the dead band/,
    because: /to match object/,
  },
  {
    name: 'panic',
    safeguard: 'a panic grows the fleet by what its window shows',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: 'if (outlook.panicking) {\n    const panic',
        replace: 'if (outlook.panicking && nodes < 0) {\n    const panic',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /decideScale a panic/,
    because: /to match object/,
  },
  {
    name: 'panic-remembered',
    safeguard: 'demand twice the capacity of the fleet is a panic',
    edits: [
      {
        file: 'libs/domain/src/scaling/learned.ts',
        find: 'panicUntilMs: panics ? nowMs + limits.stableMs : learned.panicUntilMs,',
        replace: 'panicUntilMs: learned.panicUntilMs,',
      },
    ],
    tests: ['libs/domain/test/scaling/learned.test.ts'],
    caughtBy: /is in panic mode from the time at which demand is twice/,
    because: /expected false to be true/,
  },
  {
    name: 'jump',
    safeguard: 'a jump of arrivals is seen before the slots are full',
    edits: [
      {
        file: 'libs/domain/src/scaling/load.ts',
        find: 'const jumped = serviceS === undefined ? undefined : jumpedRate(samples, usualSlots / serviceS)',
        replace: 'const jumped = undefined',
      },
    ],
    tests: ['libs/domain/test/scaling/learned.test.ts'],
    caughtBy: /notices a sudden increase of arrivals/,
    because: /to be greater than 600/,
  },
  {
    name: 'window-full',
    safeguard: 'a window with a gap releases no node',
    edits: [
      {
        file: 'libs/domain/src/scaling/learned.ts',
        find: 'const gap = learned.wishesSinceMs === undefined || load.samples.length === 1',
        replace: 'const gap = learned.wishesSinceMs === undefined',
      },
    ],
    tests: ['libs/domain/test/scaling/learned.test.ts'],
    caughtBy: /lets the fleet release no node while the window/,
    because: /to be Infinity/,
  },
  {
    name: 'staffing',
    safeguard: 'nodes are kept for chance and for learned jumps',
    edits: [
      {
        file: 'libs/domain/src/scaling/staffing.ts',
        find: 'const needed = slots + roomForChance(slots, serviceS, limits) + feared',
        replace: 'const needed = slots',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /a headroom that was learned/,
    because: /to match object/,
  },
  {
    name: 'forecast-growth',
    safeguard: 'a lasting growth is extended until a new node serves',
    edits: [
      {
        file: 'libs/domain/src/scaling/forecast.ts',
        find: 'return learned.level + Math.min(bound, Math.max(-bound, growth))',
        replace: 'return learned.level + 0 * Math.min(bound, growth)',
      },
    ],
    tests: ['libs/domain/test/scaling/learned.test.ts'],
    caughtBy: /extends a steady growth/,
    because: /to be greater than/,
  },
  {
    name: 'forecast-season',
    safeguard: 'the forecast knows the day before',
    edits: [
      {
        file: 'libs/domain/src/scaling/forecast.ts',
        find: 'return Math.min(SEASON_RATIO[1], Math.max(SEASON_RATIO[0], after / before))',
        replace: 'return 1',
      },
    ],
    tests: ['libs/domain/test/scaling/learned.test.ts'],
    caughtBy: /uses the demand of the previous day/,
    because: /expected/,
  },
  {
    name: 'victims',
    safeguard: 'the nodes that are done soonest are drained first',
    edits: [
      {
        file: 'libs/domain/src/scaling/victims.ts',
        find: 'drainCost(a) - drainCost(b) ||',
        replace: 'drainCost(b) - drainCost(a) ||',
      },
    ],
    tests: ['libs/domain/test/scaling/victims.test.ts'],
    caughtBy: /takes nodes that never served/,
    because: /to deeply equal/,
  },
  {
    name: 'advice-clamp',
    safeguard: 'advice on the fleet is clamped to its bounds',
    edits: [
      {
        file: 'libs/domain/src/scaling/advice.ts',
        find: 'return Math.min(high, Math.max(low, value))',
        replace: 'return low > high ? low : value',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /is clamped to its bounds/,
    because: /Property failed/,
  },
  {
    name: 'advice-ttl',
    safeguard: 'expired advice has no effect',
    edits: [
      {
        file: 'libs/domain/src/scaling/advice.ts',
        find: 'if (nowMs < advice.givenAtMs || nowMs >= advice.givenAtMs + ttlMs) return none',
        replace: 'if (nowMs < advice.givenAtMs || ttlMs < 0) return none',
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /advice to the autoscaler .* is ignored/,
    because: /to deeply equal/,
  },
  {
    name: 'panic-keeps',
    safeguard: 'a panic removes no node, even above a maximum that was lowered',
    edits: [
      {
        file: 'libs/domain/src/scaling/decide.ts',
        find: "if (outlook.panicking) return hold('panic')",
        replace: "if (outlook.panicking && nodes < 0) return hold('panic')",
      },
    ],
    tests: ['libs/domain/test/scaling/decide.test.ts'],
    caughtBy: /a panic above a maximum that was lowered/,
    because: /expected/,
  },
]
