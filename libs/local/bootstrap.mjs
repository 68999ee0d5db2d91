/**
 * The one entry of every npm script: installs and builds what is missing, then runs a command. Plain
 * JavaScript without dependencies, because it runs before any are installed.
 *
 * States: preparing (under a lock) → running → ended with the exit code of the command. Invariants:
 * - P1: one process at a time installs or builds in a checkout.
 * - P2: a signal to this process reaches the command exactly once, and the command's exit code becomes ours.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { staleBundles } from './bundle.mjs'
import { takeLock } from './lock.mjs'
import { filesBelow, hashOf, readOrEmpty } from './stamps.mjs'
import { Ending, listenForSignals, ROOT, run, say, step } from './steps.mjs'

const NODE_FLOOR = [20, 19]
const BIN = join(ROOT, 'node_modules', '.bin')
const STAMP = join(ROOT, 'node_modules', '.agentfleet-installed')
const CHECK_STAMP = join(ROOT, 'node_modules', '.agentfleet-checked')
const PAGE = join(ROOT, 'libs', 'console')
const PAGE_STAMP = join(PAGE, 'dist', 'page-built')

// The script of each command; more arguments go to the last step.
const SCRIPTS = {
  start: 'libs/local/dist/main.js',
  bench: 'test/tools/dist/bench.js',
  chaos: 'test/tools/dist/chaos.js',
  mutate: 'test/tools/dist/mutate.js',
}
// The proofs that `prove` runs by name.
const PROOFS = [
  'bench',
  'chaos',
  'console',
  'limits',
  'memory',
  'replay',
  'rise',
  'simulate',
  'steady',
]
// For each test command: its projects in vitest.config.ts and its environment.
const TESTS = {
  test: { projects: ['unit', 'simulation', 'integration'] },
  'test:full': { projects: ['full', 'full-alone', 'full-waits'], env: { TEST_SIZE: 'full' } },
}
const CHECKS = [
  ['oxfmt', '--check'],
  ['oxlint', '--type-aware'],
  ['knip'],
  ['tsc', '-p', 'tsconfig.test.json'],
  ['tsc', '-p', 'libs/console/page', '--noEmit'],
]

// Folders that no static check reads: packages, built files, state, and the history of git.
const NOT_CHECKED = new Set(['node_modules', 'dist', '.agentfleet', '.git', 'coverage'])

// A first install on a slow line takes minutes; the wait for the lock covers another start's install.
const INSTALL_DEADLINE_MS = 10 * 60_000
const BUILD_DEADLINE_MS = 5 * 60_000
const CHECK_DEADLINE_MS = 5 * 60_000
const LOCK_DEADLINE_MS = INSTALL_DEADLINE_MS + BUILD_DEADLINE_MS

async function main() {
  const [command = '', ...args] = process.argv.slice(2)
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor < NODE_FLOOR[1]))
    throw new Error(
      `AgentFleet needs Node.js ${NODE_FLOOR.join('.')} or newer, and this is ${process.versions.node}. ` +
        'Install a newer one, for example with "nvm install 24" or from https://nodejs.org, and run the command again.',
    )
  if (Object.hasOwn(TESTS, command)) return test(command, args, listenForSignals())
  const [script, scriptArgs] = findScript(command, args)
  const signals = listenForSignals()
  await prepare(signals)
  const flags = ['--enable-source-maps', join(ROOT, script)]
  return run(process.execPath, [...flags, ...scriptArgs], signals)
}

/** The script of a command, and the remaining arguments. */
function findScript(command, args) {
  if (Object.hasOwn(SCRIPTS, command)) return [SCRIPTS[command], args]
  if (command !== 'prove') {
    const commands = [...Object.keys(SCRIPTS), 'prove', ...Object.keys(TESTS)]
    throw new Error(`usage: bootstrap.mjs ${commands.join('|')} [arguments]`)
  }
  const [name, ...rest] = args
  if (!PROOFS.includes(name))
    throw new Error(`usage: npm run prove -- ${PROOFS.join('|')} [arguments]`)
  return [`test/tools/dist/${name}.js`, rest]
}

/** Installs and builds what is missing or out of date. Upholds P1. */
async function prepare(signals) {
  const release = await takeLock(signals, LOCK_DEADLINE_MS)
  try {
    const wanted = hashOfManifests()
    if (readOrEmpty(STAMP) !== wanted || !fs.existsSync(join(BIN, 'tsc'))) {
      await step(installCommand(), {
        name: 'installing dependencies',
        deadlineMs: INSTALL_DEADLINE_MS,
        noticeMs: 0,
        signals,
      })
      fs.writeFileSync(STAMP, wanted)
    }
    // The checks of `npm test` check the types; a start does not wait for that.
    const build = [join(BIN, 'tsc'), '-b', '--noCheck']
    await step(build, { name: 'building', deadlineMs: BUILD_DEADLINE_MS, signals })
    await bundle(signals)
    await buildPage(signals)
  } finally {
    release()
  }
}

/** Bundles the services if a file that they are made from has changed since they were bundled. */
async function bundle(signals) {
  const stale = staleBundles()
  if (stale.length === 0) return
  const make = [process.execPath, join(ROOT, 'libs', 'local', 'bundle.mjs'), ...stale]
  await step(make, { name: 'bundling the services', deadlineMs: BUILD_DEADLINE_MS, signals })
}

/** Builds the web page if a file that it is made from has changed since it was built. */
async function buildPage(signals) {
  const wanted = hashOfPage()
  if (readOrEmpty(PAGE_STAMP) === wanted) return
  const vite = join(PAGE, 'node_modules', '.bin', 'vite')
  const args = ['build', '--config', join(PAGE, 'vite.config.ts')]
  const name = 'building the page'
  await step([vite, ...args], { name, deadlineMs: BUILD_DEADLINE_MS, signals })
  fs.writeFileSync(PAGE_STAMP, wanted)
}

function hashOfPage() {
  const others = [join(PAGE, 'vite.config.ts'), join(PAGE, 'package.json'), STAMP]
  const folders = [join(PAGE, 'page'), join(ROOT, 'libs', 'domain', 'src')]
  return hashOf(ROOT, [...folders.flatMap((folder) => filesBelow(folder)), ...others])
}

function installCommand() {
  const { packageManager } = JSON.parse(fs.readFileSync(join(ROOT, 'package.json'), 'utf8'))
  // A folder from another way of installing is replaced without a question, because it might stay unseen.
  const flags = ['--frozen-lockfile', '--config.confirmModulesPurge=false']
  return ['npx', '-y', packageManager.split('+')[0], 'install', ...flags]
}

function hashOfManifests() {
  const members = ['libs', 'services'].flatMap((folder) =>
    fs.readdirSync(join(ROOT, folder)).map((name) => join(folder, name, 'package.json')),
  )
  // The file system lists folders in any order.
  members.sort((a, b) => (a < b ? -1 : 1))
  const own = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']
  return hashOf(
    ROOT,
    [...own, ...members].map((file) => join(ROOT, file)),
  )
}

/** Runs tests and prints how long that took; a whole `npm test` includes the static checks. */
async function test(command, args, signals) {
  const startedAtMs = performance.now()
  await prepare(signals)
  if (command === 'test' && args.length === 0) await check(signals)
  const { projects, env } = TESTS[command]
  // With arguments `npm test` runs the named tests, of any project.
  const named = command === 'test' && args.length > 0
  const chosen = named ? [] : projects.flatMap((name) => ['--project', name])
  const exitCode = await run(join(BIN, 'vitest'), ['run', ...chosen, ...args], signals, env)
  const seconds = Math.round((performance.now() - startedAtMs) / 1000)
  say(`npm run ${command} took ${Math.floor(seconds / 60)} min ${seconds % 60} s`)
  return exitCode
}

/** Runs the static checks, unless they have passed on exactly these files. */
async function check(signals) {
  const checked = `${process.version} ${hashOf(ROOT, filesBelow(ROOT, NOT_CHECKED))}`
  if (readOrEmpty(CHECK_STAMP) === checked) {
    say('static checks: no file has changed since they passed')
    return
  }
  const failures = []
  // Side by side, because each uses about one core; all results are reported, not only the first.
  const checks = CHECKS.map(([bin, ...rest]) =>
    step([join(BIN, bin), ...rest], { name: bin, deadlineMs: CHECK_DEADLINE_MS, signals }).catch(
      (error) => failures.push(error),
    ),
  )
  await Promise.all(checks)
  if (failures.length > 0) {
    const texts = failures.map((error) => error.message).filter(Boolean)
    throw new Ending(texts.join('\n\n'), failures[0].exitCode ?? 1)
  }
  fs.writeFileSync(CHECK_STAMP, checked)
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode
  },
  (error) => {
    if (error.message) say(error.message)
    process.exitCode = error.exitCode ?? 1
  },
)
