import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { partsOf, readFlags, runCommand, say } from './command/flags.ts'
import { build, makeCopy, removeCopy } from './mutate/copy.ts'
import { failedTests, type Failure } from './mutate/tests.ts'
import { MUTATIONS } from './mutations/index.ts'
import { ASSERTION_FAILED, editsOf, testOf, type Mutation } from './mutations/mutation.ts'

/**
 * `npm run mutate`: checks that the tests notice faults. It switches one safeguard after the other off in a
 * copy of the sources and runs the tests that should fail. A mutation that none of them notices, that they notice
 * for another reason than the named one, or whose tests fail without it as well makes the run fail.
 */

/** Tests that start no process run from the sources alone; all others need dist. */
const FROM_SOURCES =
  /^(libs\/(domain|protocol|runtime(?!\/test\/threads)|adapters|adviser|control-plane|orchestrator)|services\/(?!autoscaler)[a-z-]+)\//
/** A mutation may keep a test waiting forever. */
const TEST_WITHIN_MS = 30_000
/** Tests wait for servers half of the time: two at a time keep two cores busy. */
const LANES = 2

interface Judgement {
  readonly caught: boolean
  readonly by: string
  readonly reason: string
}

const USAGE = `npm run mutate -- [flags]

  --only NAME,…      only these mutations
  --lanes N          so many mutations at a time (${LANES})`

async function main(only: string | undefined, lanes: number): Promise<void> {
  const startedMs = performance.now()
  const names = partsOf(
    MUTATIONS.map(({ name }) => name),
    only,
  )
  const waiting = MUTATIONS.filter(({ name }) => names.includes(name))
  const count = waiting.length
  const dirs: string[] = []
  let caught = 0
  try {
    for (let lane = 0; lane < Math.min(lanes, count); lane++) dirs.push(await makeCopy())
    const broken = await failedUnchanged(dirs[0]!, waiting)
    const judgeNext = async (dir: string): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const beganMs = performance.now()
        const judgement = notJudged(next, broken) ?? (await judge(dir, next).catch(toJudgement))
        if (judgement.caught) caught += 1
        print(next, judgement, secondsSince(beganMs))
      }
    }
    await Promise.all(dirs.map(judgeNext))
  } finally {
    await Promise.all(dirs.map(removeCopy))
  }
  say(`${caught} of ${count} mutations caught in ${secondsSince(startedMs)} s`)
  if (caught < count) process.exitCode = 1
}

/** The tests of the mutations that fail without a mutation. */
async function failedUnchanged(
  dir: string,
  mutations: readonly Mutation[],
): Promise<readonly Failure[]> {
  if (mutations.some(needsBuild)) await build(dir)
  const titles = new RegExp(mutations.map(({ caughtBy }) => `(?:${caughtBy.source})`).join('|'))
  return failedTests(dir, [...new Set(mutations.map(testOf))], { titles })
}

function notJudged(mutation: Mutation, broken: readonly Failure[]): Judgement | undefined {
  const failure = broken.find(({ file, title }) => {
    return file.endsWith(`/${testOf(mutation)}`) && mutation.caughtBy.test(title)
  })
  if (failure === undefined) return undefined
  return { caught: false, by: 'the test fails without the mutation', reason: firstLine(failure) }
}

function toJudgement(error: Error): Judgement {
  return { caught: false, by: 'no test ran', reason: error.message }
}

async function judge(dir: string, mutation: Mutation): Promise<Judgement> {
  const originals = new Map<string, string>()
  try {
    for (const { file, find, replace } of editsOf(mutation)) {
      const path = join(dir, file)
      const source = await readFile(path, 'utf8')
      if (source.split(find).length !== 2) {
        throw new Error(`${file} does not hold exactly once: ${find}`)
      }
      if (!originals.has(path)) originals.set(path, source)
      await writeFile(
        path,
        source.replace(find, () => replace),
      )
    }
    if (needsBuild(mutation)) await build(dir)
    return await judgeChanged(dir, mutation)
  } finally {
    for (const [path, source] of originals) await writeFile(path, source)
  }
}

async function judgeChanged(dir: string, mutation: Mutation): Promise<Judgement> {
  const { caughtBy, because = ASSERTION_FAILED } = mutation
  const files = [testOf(mutation)]
  const failures = await failedTests(dir, files, { titles: caughtBy, withinMs: TEST_WITHIN_MS })
  const right = failures.find(({ title, message }) => caughtBy.test(title) && because.test(message))
  // The other tests of the file say what the mutation breaks in place of the expected.
  const shown =
    right ?? failures[0] ?? (await failedTests(dir, files, { withinMs: TEST_WITHIN_MS }))[0]
  if (shown === undefined) return { caught: false, by: 'no test failed', reason: '' }
  return { caught: right !== undefined, by: shown.title, reason: firstLine(shown) }
}

function needsBuild(mutation: Mutation): boolean {
  return !FROM_SOURCES.test(testOf(mutation))
}

function print(mutation: Mutation, { caught, by, reason }: Judgement, seconds: number): void {
  say(`${caught ? 'caught  ' : 'SURVIVED'} ${mutation.name} (${seconds} s)`)
  say(`         off: ${mutation.safeguard}`)
  say(`         by:  ${by}`)
  say(`         why: ${reason}`)
}

function firstLine({ message }: Failure): string {
  return message.split('\n')[0] ?? ''
}

function secondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) / 1_000)
}

await runCommand(
  USAGE,
  (args) => readFlags(args, { numbers: { lanes: LANES }, texts: ['only'] }),
  ({ only, lanes }) => main(only, lanes),
)
