import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify, stripVTControlCharacters } from 'node:util'
import { partsOf, readFlags, runCommand, say } from './command/flags.ts'
import { MUTATIONS } from './mutations/index.ts'
import { ASSERTION_FAILED, editsOf, testsOf, type Mutation } from './mutations/mutation.ts'

/**
 * `npm run mutate`: checks that the tests notice faults. It switches one safeguard after the other off in a
 * copy of the sources and runs the tests that should fail. A mutation that no test notices, or that a test
 * notices for another reason than the named one, makes the run fail. `--only a,b` runs those alone.
 */

const exec = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const STEP_WITHIN_MS = 10 * 60_000
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024
/** Tests that start no process run from the sources alone; all others need dist. */
const FROM_SOURCES =
  /^(libs\/(domain|protocol|runtime|adapters|adviser|control-plane|orchestrator)|services\/(?!autoscaler)[a-z-]+)\//

interface Judgement {
  readonly mutation: Mutation
  readonly caught: boolean
  readonly by: string
  readonly reason: string
  readonly seconds: number
}

const USAGE = `npm run mutate -- [flags]

  --only NAME,…      only these mutations`

async function main(only: string | undefined): Promise<void> {
  const startedMs = performance.now()
  const names = partsOf(
    MUTATIONS.map(({ name }) => name),
    only,
  )
  const chosen = MUTATIONS.filter(({ name }) => names.includes(name))
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-mutate-'))
  const judgements: Judgement[] = []
  try {
    await copySources(dir)
    for (const mutation of chosen) {
      const judgement = await judge(dir, mutation)
      judgements.push(judgement)
      say(`${judgement.caught ? 'caught  ' : 'SURVIVED'} ${mutation.name} (${judgement.seconds} s)`)
      say(`         off: ${mutation.safeguard}`)
      say(`         by:  ${judgement.by}`)
      say(`         why: ${judgement.reason}`)
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
  const caught = judgements.filter((judgement) => judgement.caught).length
  say(`${caught} of ${judgements.length} mutations caught in ${secondsSince(startedMs)} s`)
  if (caught < judgements.length) process.exitCode = 1
}

/** A copy of the files that git knows, installed from the local store. */
async function copySources(dir: string): Promise<void> {
  const { stdout } = await exec('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: ROOT,
    maxBuffer: OUTPUT_MAX_BYTES,
  })
  for (const file of stdout.split('\0').filter(Boolean)) {
    await mkdir(dirname(join(dir, file)), { recursive: true })
    await cp(join(ROOT, file), join(dir, file)).catch((error: NodeJS.ErrnoException) => {
      // Deleted and not committed yet.
      if (error.code !== 'ENOENT') throw error
    })
  }
  const { packageManager } = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')) as {
    packageManager: string
  }
  await run(dir, 'npx', ['-y', packageManager, 'install', '--frozen-lockfile', '--prefer-offline'])
}

async function judge(dir: string, mutation: Mutation): Promise<Judgement> {
  const startedMs = performance.now()
  const originals = new Map<string, string>()
  try {
    for (const { file, find, replace } of editsOf(mutation)) {
      const path = join(dir, file)
      const source = await readFile(path, 'utf8')
      if (source.split(find).length !== 2) {
        throw new Error(`${mutation.name}: ${file} does not hold exactly once: ${find}`)
      }
      if (!originals.has(path)) originals.set(path, source)
      await writeFile(
        path,
        source.replace(find, () => replace),
      )
    }
    if (needsBuild(mutation)) await run(dir, join(dir, 'node_modules/.bin/tsc'), ['-b'])
    const failures = await failedTests(dir, testsOf(mutation))
    const { caughtBy, because = ASSERTION_FAILED } = mutation
    const right = failures.find(
      ({ title, message }) => caughtBy.test(title) && because.test(message),
    )
    const shown = right ?? failures[0]
    return {
      mutation,
      caught: right !== undefined,
      by: shown?.title ?? 'no test failed',
      reason: shown?.message.split('\n')[0] ?? '',
      seconds: secondsSince(startedMs),
    }
  } finally {
    for (const [path, source] of originals) await writeFile(path, source)
  }
}

function needsBuild(mutation: Mutation): boolean {
  return testsOf(mutation).some((test) => test.endsWith('.ts') && !FROM_SOURCES.test(test))
}

function secondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) / 1_000)
}

interface Failure {
  readonly title: string
  readonly message: string
}

interface VitestReport {
  readonly testResults: readonly {
    readonly message?: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

async function failedTests(dir: string, tests: readonly string[]): Promise<Failure[]> {
  const report = join(dir, 'report.json')
  await rm(report, { force: true })
  const vitest = join(dir, 'node_modules/.bin/vitest')
  const flags = ['run', ...tests, '--reporter=json', `--outputFile=${report}`]
  // A failing run is the expected outcome.
  await run(dir, vitest, flags).catch(() => undefined)
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as VitestReport
  return testResults.flatMap(({ message, assertionResults }) => {
    // Its own set-up failed: no test ran, which shows nothing about the safeguard.
    const setup = message ? [{ title: 'a file of tests did not start', message }] : []
    const failed = assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => ({
        title: fullName,
        message: stripVTControlCharacters((failureMessages ?? []).join('\n')),
      }))
    return [...failed, ...setup]
  })
}

async function run(cwd: string, command: string, args: readonly string[]): Promise<void> {
  await exec(command, args, { cwd, timeout: STEP_WITHIN_MS, maxBuffer: OUTPUT_MAX_BYTES })
}

await runCommand(
  USAGE,
  (args) => readFlags(args, { numbers: {}, texts: ['only'] }),
  ({ only }) => main(only),
)
