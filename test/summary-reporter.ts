import type { Reporter } from 'vitest/node'

/** Prints the outcome of a run as one plain line, `N passed, N failed`, after everything else. */
export const summaryReporter: Reporter = {
  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0
    let failed = unhandledErrors.length
    for (const module of modules) {
      let failedHere = 0
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed += 1
        if (state === 'failed') failedHere += 1
      }
      // A file that cannot be read, or whose hooks fail, has no failed test to count.
      failed += module.ok() ? failedHere : Math.max(1, failedHere)
    }
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
  },
}
