/**
 * Runs the steps of the bootstrap: each in a separate process group that a signal to the bootstrap ends. Plain
 * JavaScript without dependencies, because it runs before any are installed.
 */
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const LOOPBACK = 'localhost,127.0.0.1,::1'
// What package managers print if they cannot reach their registry.
const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/
const NO_SPACE = /ENOSPC|no space left/i
// A shorter step is not worth a line.
const QUIET_MS = 2_000
const OUTPUT_CHARS_MAX = 200_000
// One Ctrl-C may arrive from the terminal and again from npm; a second one by hand takes longer.
const SAME_SIGNAL_MS = 300
/** The signals that end a command; 128 and the number make its exit code. */
export const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }
const PARENT_POLL_MS = 250

/** A planned end of the program: its message explains it completely. */
export class Ending extends Error {
  constructor(message, exitCode) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Prints a line for people. */
export const say = (line) => fs.writeSync(2, `${line}\n`)

/** Runs a step to its end; prints its output only when it fails. */
export function step([file, ...args], { name, deadlineMs, noticeMs = QUIET_MS, signals }) {
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
export function run(file, args, signals, env = {}) {
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
export function listenForSignals() {
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
