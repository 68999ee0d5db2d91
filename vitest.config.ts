import { defineConfig } from 'vitest/config'
import { summaryReporter } from './test/summary-reporter.ts'

// `source`: tests run from the sources of the libraries; processes that tests start run from dist,
// which the bootstrap has built before. Not `import`: Node would take it for `require` as well, and hand
// packages of CommonJS the ES modules of others.
const shared = {
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
}

export default defineConfig({
  test: {
    reporters: ['default', summaryReporter],
    // Most tests wait for servers and clocks; two files at a time fit on two cores.
    maxWorkers: 2,
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: [
            'libs/domain/test/**/*.test.ts',
            'libs/protocol/test/**/*.test.ts',
            'test/*.test.ts',
            'test/contract/**/*.test.ts',
            'test/simulation/**/*.test.ts',
            'test/tools/test/**/*.test.ts',
          ],
          testTimeout: 30_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'integration',
          include: [
            'libs/{adapters,adviser,client,llm-simulator,local,orchestrator,runtime,testkit}/test/**/*.test.ts',
            'services/*/test/**/*.test.ts',
          ],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // A dependency of theirs has a condition `source` as well, which Node would take at its word.
          server: { deps: { inline: [/@modelcontextprotocol\/sdk/, /eventsource-parser/] } },
        },
      },
      {
        ...shared,
        test: {
          name: 'fleet',
          include: ['test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Two cores: whole fleets one after the other, so that a bound on time means something.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
