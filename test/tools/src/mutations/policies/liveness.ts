import type { Mutation } from '../mutation.ts'

/** Which node is suspect, dead or stalled. */
export const LIVENESS: readonly Mutation[] = [
  {
    name: 'suspect-phi',
    safeguard: 'a node is suspect before it may be declared dead',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: 'if (level < limits.suspectPhi) return',
        replace: 'if (level < limits.deadPhi) return',
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /1400 ms, with the witness connection-gone/,
    because: /kind: 'suspect'/,
  },
  {
    name: 'dead-phi',
    safeguard: 'a witness alone confirms no death below the threshold of phi',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: 'if (level >= limits.deadPhi && confirms(witness, silenceMs, limits)) {',
        replace: 'if (level >= limits.suspectPhi && confirms(witness, silenceMs, limits)) {',
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /1400 ms, with the witness connection-gone/,
    because: /kind: 'dead'/,
  },
  {
    name: 'second-witness',
    safeguard: 'a death needs a second witness',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: "return witness !== 'none' && silenceMs >= limits.weakMs",
        replace: 'return silenceMs >= 0',
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /1500 ms, with the witness ping-failed/,
    because: /kind: 'dead'/,
  },
  {
    name: 'weak-witness',
    safeguard: 'a weak witness counts only after a longer silence',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: "return witness !== 'none' && silenceMs >= limits.weakMs",
        replace: "return witness !== 'none'",
      },
    ],
    tests: ['libs/domain/test/liveness/liveness-pauses.test.ts'],
    caughtBy: /is never declared dead/,
    because: /Property failed/,
  },
  {
    name: 'silent-alone',
    safeguard: 'a long silence is a death without any witness',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: 'if (silenceMs >= limits.aloneMs) return',
        replace: 'if (silenceMs >= Infinity) return',
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /3000 ms, with the witness none/,
    because: /kind: 'suspect'/,
  },
  {
    name: 'answering',
    safeguard: 'a node that answers pings is not declared dead for missing heartbeats',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: "if (witness === 'answering') {",
        replace: "if (witness === 'answering' && silenceMs < 0) {",
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /3000 ms, with the witness answering/,
    because: /kind: 'dead'/,
  },
  {
    name: 'observer-lag',
    safeguard: 'a delay of the observer is not a silence of the node',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: 'const silenceMs = Math.max(0, nowMs - heartbeats.lastHeartbeatAtMs - doubtMs)',
        replace: 'const silenceMs = Math.max(0, nowMs - heartbeats.lastHeartbeatAtMs)',
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /a delay of the observer itself/,
    because: /expected 'dead' to be 'alive'/,
  },
  {
    name: 'dead-incarnation',
    safeguard: 'a dead incarnation stays dead',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: "if (known.dead) return { kind: 'ignore', reason: 'dead-incarnation' }",
        replace:
          "if (known.dead && heartbeat.version < 0) return { kind: 'ignore', reason: 'dead-incarnation' }",
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /"ignore" for the reason "dead-incarnation"/,
    because: /kind: 'take'/,
  },
  {
    name: 'mass-illness',
    safeguard: 'no node is declared dead while a third of the fleet is ill',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: 'if (health.ill >= MASS_MIN && health.ill >= health.nodes * MASS_SHARE) {',
        replace: 'if (health.ill >= Infinity) {',
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /"withhold" for the reason "mass-illness"/,
    because: /kind: 'allow'/,
  },
  {
    name: 'own-lag',
    safeguard: 'a monitor that lags declares no node dead',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: 'if (lag > OWN_LAG_MAX_MS && health.silenceMs < lag * LAG_SILENCE_FACTOR) {',
        replace: 'if (lag > Infinity) {',
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /"withhold" for the reason "own-lag"/,
    because: /kind: 'allow'/,
  },
  {
    name: 'broker-restarted',
    safeguard: 'no node is declared dead right after a restart of the bus',
    edits: [
      {
        file: 'libs/domain/src/liveness/liveness.ts',
        find: 'if (health.connectedForMs < BROKER_SETTLE_MS) {',
        replace: 'if (health.connectedForMs < 0) {',
      },
    ],
    tests: ['libs/domain/test/liveness/liveness.test.ts'],
    caughtBy: /"withhold" for the reason "broker-restarted"/,
    because: /kind: 'allow'/,
  },
  {
    name: 'stalled-main-loop',
    safeguard: 'a node whose main loop stands still is stalled',
    edits: [
      {
        file: 'libs/domain/src/liveness/stall.ts',
        find: 'if (node.stallMs >= limits.mainLoopMs) return',
        replace: 'if (node.stallMs >= Infinity) return',
      },
    ],
    tests: ['libs/domain/test/liveness/stall.test.ts'],
    caughtBy: /when its main loop stands still, even if it is alone/,
    because: /stalled: main-loop/,
  },
  {
    name: 'stalled-others',
    safeguard: 'a node is not stalled while the others stand still too',
    edits: [
      {
        file: 'libs/domain/src/liveness/stall.ts',
        find: "if (!othersProgress(others, lacks, limitMs, nowMs)) return say('working', 'others-still')",
        replace: "if (nowMs < 0) return say('working', 'others-still')",
      },
    ],
    tests: ['libs/domain/test/liveness/stall.test.ts'],
    caughtBy: /when the provider is stuck for all/,
    because: /stalled: no-progress/,
  },
  {
    name: 'stalled-third',
    safeguard: 'at most a third of the fleet is declared stalled',
    edits: [
      {
        file: 'libs/domain/src/liveness/stall.ts',
        find: 'return health.stalled > stalledMax(health.living)\n',
        replace: 'return health.stalled > Infinity\n',
      },
    ],
    tests: ['libs/domain/test/liveness/stall.test.ts'],
    caughtBy: /"withhold" for the reason "mass-stall"/,
    because: /kind: 'allow'/,
  },
]
