import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'

/** The runs of tests that judge a mutation. */

const exec = promisify(execFile)
/** A run that takes longer hangs. */
const RUN_WITHIN_MS = 5 * 60_000
const FILE_WITHIN_MS = 60_000
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024

/** What vitest reports of a test that was still running after its time. */
const TOO_LONG = 'Error: STACK_TRACE_ERROR'

/** A test that failed, and why. */
export interface Failure {
  /** The absolute path of its file. */
  readonly file: string
  readonly title: string
  readonly message: string
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

/**
 * Runs in the copy the tests of the files, or only those whose titles match, for at most `withinMs` each. Resolves
 * with those that failed.
 */
export async function failedTests(
  dir: string,
  files: readonly string[],
  { titles, withinMs }: { readonly titles?: RegExp; readonly withinMs?: number } = {},
): Promise<Failure[]> {
  const report = join(dir, 'report.json')
  await rm(report, { force: true })
  const only = titles === undefined ? [] : ['-t', titles.source]
  const output = ['--reporter=json', `--outputFile=${report}`]
  const within = withinMs === undefined ? [] : [`--testTimeout=${withinMs}`]
  const flags = ['run', ...files, ...only, ...within, ...output]
  await exec(join(dir, 'node_modules/.bin/vitest'), flags, {
    cwd: dir,
    timeout: RUN_WITHIN_MS + files.length * FILE_WITHIN_MS,
    maxBuffer: OUTPUT_MAX_BYTES,
    // A failing run is the expected outcome.
  }).catch(() => undefined)
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as VitestReport
  return testResults.flatMap(({ name: file, message, assertionResults }) => {
    // Its own set-up failed: no test ran, which shows nothing about the safeguard.
    const setup = message ? [{ file, title: 'a file of tests did not start', message }] : []
    const failed = assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => ({
        file,
        title: fullName,
        message: stripVTControlCharacters((failureMessages ?? []).join('\n')).replace(
          TOO_LONG,
          'the test did not end in time',
        ),
      }))
    return [...failed, ...setup]
  })
}
