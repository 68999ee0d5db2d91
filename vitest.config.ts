import { configDefaults, defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'
import { summaryReporter } from './test/summary-reporter.ts'

// The condition of the libraries' sources: tests run from them, and processes that tests start run from dist,
// which the bootstrap has built before. The name is ours, because foreign packages have a `source`, too.
const conditions = ['@agentfleet/source']
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } }

// The product has no module state, so files that one worker runs after each other share its modules:
// importing them again for each file would take a third of the processor time.
const isolate = false

// For workers that compute: collections of a small young generation of many short-lived objects cost a sixth of the
// time, and the threads of a parallel collection need more processor time together than one thread.
const COMPUTING = ['--max-semi-space-size=64', '--single-threaded-gc']

// Most files of this group wait for servers and clocks: more files than cores.
const WAITING_WORKERS = 6

// The files that `npm run test:full` runs in addition to `npm test`; test/README.md gives the reason for each.
const FULL = '**/*.full.test.ts'
// Full tests that need little processor time: they wait for production durations, one after the other for minutes.
const FULL_WAITS = [
  'services/autoscaler/test/leaders.full.test.ts',
  'services/worker/test/provider/waits.full.test.ts',
  'test/chaos/{bus-death,planned-drains,ten-steps,two-balancers,waiting}.full.test.ts',
  'test/e2e/scaling.full.test.ts',
]

// Full tests that measure times or rates, or run four fleets at a time: no other file runs at the same time.
const FULL_ALONE = [
  'services/gateway/test/principals/flood.full.test.ts',
  'test/browser/scale.full.test.ts',
  'test/e2e/{fairness,proofs,provider-limits}.full.test.ts',
]

// `npm run test:full` sends many more generated requests, to a whole fleet, and reads many more damaged answers of
// providers.
const atFullSize =
  process.env['TEST_SIZE'] === 'full'
    ? ['services/gateway/test/bad-input.test.ts', 'services/worker/test/provider/fuzz.test.ts']
    : []

const SIMULATED_SERVER = 'test/simulation/protocol/memory/memory.test.ts'

export default defineConfig({
  test: {
    reporters: ['default', summaryReporter],
    // The output of a failed test helps to explain it; that of a passed test is noise.
    silent: 'passed-only',
    // A run reads the transformed modules of the last run, whose names are hashes of their contents.
    experimental: { fsModuleCache: true },
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: [
            'libs/domain/test/**/*.test.ts',
            'libs/protocol/test/**/*.test.ts',
            'libs/answer-schema/test/**/*.test.ts',
            'libs/cli/test/**/*.test.ts',
            'libs/console/test/**/*.test.ts',
            'test/*.test.ts',
            'test/contract/**/*.test.ts',
            'test/simulation/*.test.ts',
            'test/tools/test/**/*.test.ts',
          ],
          exclude: [FULL],
          testTimeout: 30_000,
          isolate,
          execArgv: COMPUTING,
          // They compute: one file a core.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...shared,
        test: {
          name: 'simulation',
          // In the others' workers, connections of earlier files would meet the virtual time of the simulated nats-server.
          include: ['test/simulation/protocol/*.test.ts', SIMULATED_SERVER],
          exclude: [FULL],
          // Node itself imports the bundle of the simulation: Vitest would transform it.
          server: { deps: { external: [/\/libs\/local\/bundle\.mjs$/] } },
          isolate,
          execArgv: COMPUTING,
          // It computes for a minute: at the same time as the first files that wait.
          maxWorkers: WAITING_WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...shared,
        test: {
          name: 'integration',
          include: [
            'libs/{adapters,adviser,client,control-plane,llm-simulator,local,orchestrator,runtime,testkit}/test/**/*.test.ts',
            'services/*/test/**/*.test.ts',
            'test/{e2e,chaos}/**/*.test.ts',
            // The real nats-server passes the tests of the simulated one.
            'test/simulation/protocol/memory/*.test.ts',
          ],
          exclude: [FULL, SIMULATED_SERVER],
          // One fleet for all files of test/e2e, which starts when the first of them asks for it.
          globalSetup: './test/e2e/shared-fleet.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          isolate,
          // One project for all of them, because a worker serves one project.
          maxWorkers: WAITING_WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...shared,
        test: {
          name: 'full',
          include: [`{libs,services}/*/test/${FULL}`, `test/${FULL}`, ...atFullSize],
          exclude: [...configDefaults.exclude, ...FULL_ALONE, ...FULL_WAITS],
          // For the pages of the docs, whose snippets run against the fleet of test/e2e.
          globalSetup: './test/e2e/shared-fleet.ts',
          testTimeout: 180_000,
          hookTimeout: 180_000,
          isolate,
          // Each file starts a fleet, which waits half of the time.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        ...shared,
        test: {
          name: 'full-alone',
          include: FULL_ALONE,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          // Each concurrent test starts a fleet, which mostly waits.
          maxConcurrency: 4,
          sequence: { groupOrder: 3 },
        },
      },
      {
        ...shared,
        test: {
          name: 'full-waits',
          include: FULL_WAITS,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 4,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
})
