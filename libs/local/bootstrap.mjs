/**
 * The one entry of every npm script: installs and builds what is missing, then runs a command. Plain
 * JavaScript without dependencies, because it runs before any are installed.
 *
 * States: preparing (under a lock) → running → ended with the exit code of the command. Invariants:
 * - P1: one process at a time installs or builds in a checkout.
 * - P2: a signal to this process reaches the command exactly once, and the command's exit code becomes ours.
 */
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { staleBundles } from './bundle.mjs'
import { filesBelow, hashOf, readOrEmpty } from './stamps.mjs'

const NODE_FLOOR = [20, 19]
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BIN = join(ROOT, 'node_modules', '.bin')
const STAMP = join(ROOT, 'node_modules', '.agentfleet-installed')
const CHECK_STAMP = join(ROOT, 'node_modules', '.agentfleet-checked')
const PAGE = join(ROOT, 'libs', 'console')
const PAGE_STAMP = join(PAGE, 'dist', 'page-built')
const LOCK = join(ROOT, '.agentfleet', 'bootstrap.lock')

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
const PARENT_POLL_MS = 250
const LOCK_POLL_MS = 100
const LOCK_EMPTY_MS = 5_000
// The file system is read-only, or its permissions forbid the change.
const NOT_WRITABLE = ['EACCES', 'EPERM', 'EROFS']
const LOOPBACK = 'localhost,127.0.0.1,::1'
// What package managers print if they cannot reach their registry.
const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/
const NO_SPACE = /ENOSPC|no space left/i
// A shorter step is not worth a line.
const QUIET_MS = 2_000
const OUTPUT_CHARS_MAX = 200_000
// One Ctrl-C may arrive from the terminal and again from npm; a second one by hand takes longer.
const SAME_SIGNAL_MS = 300
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

/** A planned end of the program: its message explains it completely. */
class Ending extends Error {
  constructor(message, exitCode) {
    super(message)
    this.exitCode = exitCode
  }
}

const say = (line) => fs.writeSync(2, `${line}\n`)

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
  const release = await takeLock(signals)
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

/** Runs a step to its end; prints its output only when it fails. */
function step([file, ...args], { name, deadlineMs, noticeMs = QUIET_MS, signals }) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      // The child runs in a separate session, so that the bootstrap can end the child with all its processes, and
      // each gets a signal only once.
      detached: true,
    })
    let output = ''
    let late = false
    const keep = (chunk) => (output = (output + chunk).slice(-OUTPUT_CHARS_MAX))
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    const end = (signal) => killGroup(child.pid, signal)
    const forget = signals.forwardTo(end)
    const notice = setTimeout(() => say(`${name} …`), noticeMs)
    const deadline = setTimeout(() => {
      late = true
      end('SIGKILL')
    }, deadlineMs)
    const settle = (fail) => {
      clearTimeout(notice)
      clearTimeout(deadline)
      forget()
      if (signals.received) reject(new Ending('', 128 + SIGNAL_NUMBERS[signals.received]))
      else if (fail)
        reject(new Ending([fail, output.trim(), adviceFor(output)].filter(Boolean).join('\n'), 1))
      else resolve()
    }
    child.once('error', (error) => settle(`${name} cannot be run: ${error.message}`))
    child.once('close', (code, signal) => {
      if (late) settle(`${name} did not finish in ${deadlineMs / 1000} s`)
      else settle(code === 0 ? '' : `${name} failed (${signal ?? `exit code ${code}`})`)
    })
  })
}

/** What to do about failures that have nothing to do with the checkout. */
function adviceFor(output) {
  if (NO_SPACE.test(output)) return 'The disk is full: free some space and run the command again.'
  if (NO_NETWORK.test(output))
    return (
      'The package registry cannot be reached. Check the network, the proxy (HTTPS_PROXY) and ' +
      '"npm config get registry", and run the command again.'
    )
  return ''
}

/** Runs the command with our terminal, and resolves to its exit code. */
function run(file, args, signals, env = {}) {
  return new Promise((resolve, reject) => {
    if (signals.received) throw new Ending('', 128 + SIGNAL_NUMBERS[signals.received])
    const child = spawn(file, args, {
      cwd: ROOT,
      env: { ...process.env, ...withoutLoopback(process.env), ...env },
      // The channel carries no messages; when it closes, the child learns that this process has ended.
      stdio: ['inherit', 'inherit', 'inherit', ...(file === process.execPath ? ['ipc'] : [])],
      // Upholds P2: outside the terminal's group, so that Ctrl-C comes only from this process.
      detached: true,
    })
    const forget = signals.forwardTo((signal) => child.kill(signal))
    child.once('error', (error) => reject(new Error(`${file} cannot be run: ${error.message}`)))
    child.once('exit', (code, signal) => {
      forget()
      // A worker of the test runner that computes does not notice that the runner has ended.
      if (signals.received) killGroup(child.pid, 'SIGKILL')
      resolve(code ?? 128 + (SIGNAL_NUMBERS[signal] ?? 9))
    })
  })
}

/** No proxy of the environment may catch requests between the processes of one machine. */
function withoutLoopback(env) {
  const proxied = Object.keys(env).some((name) => /^(https?|all)_proxy$/i.test(name))
  const excluded = env.no_proxy || env.NO_PROXY || ''
  if (!proxied || excluded.trim() === '*') return {}
  const all = [excluded, LOOPBACK].filter(Boolean).join(',')
  return { no_proxy: all, NO_PROXY: all }
}

function killGroup(pid, signal) {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch (error) {
    // It ended by itself in the meantime.
    if (error.code !== 'ESRCH') throw error
  }
}

/** Passes each signal once to the step that runs at the moment. */
function listenForSignals() {
  const targets = new Set()
  const signals = {
    received: undefined,
    forwardTo(target) {
      targets.add(target)
      return () => targets.delete(target)
    },
  }
  const lastAtMs = {}
  const receive = (signal) => {
    const nowMs = performance.now()
    const repeated = nowMs - (lastAtMs[signal] ?? -Infinity) < SAME_SIGNAL_MS
    lastAtMs[signal] = nowMs
    signals.received = signal
    if (!repeated) for (const target of targets) target(signal)
  }
  for (const signal of Object.keys(SIGNAL_NUMBERS)) process.on(signal, () => receive(signal))
  if (process.env.npm_lifecycle_event !== undefined) watchParent(() => receive('SIGTERM'))
  return signals
}

/**
 * npm does not pass on a signal that it receives: the signal ends npm and its shell, or, with SIGKILL, npm alone.
 * Then our parent has ended or has another parent.
 */
function watchParent(onGone) {
  const parent = process.ppid
  const above = parentOf(parent)
  const timer = setInterval(() => {
    if (process.ppid === parent && parentOf(parent) === above) return
    clearInterval(timer)
    onGone()
  }, PARENT_POLL_MS)
  timer.unref()
}

/** The parent of a process; undefined where the system has no /proc. */
function parentOf(pid) {
  try {
    // The name of the program, in parentheses, may contain anything.
    return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]
  } catch {
    return undefined
  }
}

/** Takes the lock, a file that holds the pid of its owner, and returns the function that releases it. */
async function takeLock(signals) {
  writable(() => fs.mkdirSync(join(ROOT, '.agentfleet'), { recursive: true }))
  const deadlineAtMs = Date.now() + LOCK_DEADLINE_MS
  for (let told = false; ; told = true) {
    if (createLock(process.pid)) return () => fs.rmSync(LOCK, { force: true })
    if (removeStaleLock()) continue
    if (signals.received) throw new Ending('', 128 + SIGNAL_NUMBERS[signals.received])
    if (Date.now() > deadlineAtMs)
      throw new Error(
        `Another command still installs or builds in this checkout. If none runs, delete ${LOCK}`,
      )
    if (!told) say('waiting for another install or build in this checkout …')
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS))
  }
}

/** Does a change in the checkout; says what to do if this user may not make it. */
function writable(change) {
  try {
    change()
  } catch (error) {
    if (!NOT_WRITABLE.includes(error.code)) throw error
    throw new Ending(
      `This command installs and builds in the checkout, but it cannot write ${LOCK} (${error.code}). ` +
        'Use a checkout that belongs to your user, or make this one writable for it.',
      1,
    )
  }
}

function createLock(owner) {
  try {
    writable(() => fs.writeFileSync(LOCK, String(owner), { flag: 'wx' }))
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** Removes the lock if its owner is gone; true if trying again at once makes sense. */
function removeStaleLock() {
  const stats = fs.statSync(LOCK, { throwIfNoEntry: false })
  if (!stats) return true
  const owner = readOrEmpty(LOCK)
  // Empty is a lock whose owner is about to write its pid, or has just died.
  if (owner === '' ? Date.now() - stats.mtimeMs < LOCK_EMPTY_MS : isBootstrap(Number(owner)))
    return false
  const aside = `${LOCK}.stale.${process.pid}`
  try {
    fs.renameSync(LOCK, aside)
    // Another process may have replaced the stale lock in between: its lock is put back.
    const moved = readOrEmpty(aside)
    if (moved !== owner) createLock(moved)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  } finally {
    fs.rmSync(aside, { force: true })
  }
  return true
}

/** Whether a pid is another living bootstrap; systems reuse pids, above all in containers. */
function isBootstrap(pid) {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM means that the process is alive and belongs to another user.
    if (error.code !== 'EPERM') return false
  }
  if (!fs.existsSync('/proc/self/cmdline')) return true
  return readOrEmpty(`/proc/${pid}/cmdline`).includes('bootstrap.mjs')
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
