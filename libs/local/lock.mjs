/**
 * The lock of a checkout: one process at a time installs or builds in it (P1 of the bootstrap). Plain JavaScript
 * without dependencies, because it runs before any are installed.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { readOrEmpty } from './stamps.mjs'
import { Ending, ROOT, say, SIGNAL_NUMBERS } from './steps.mjs'

const LOCK = join(ROOT, '.agentfleet', 'bootstrap.lock')
const LOCK_POLL_MS = 100
const LOCK_EMPTY_MS = 5_000
// The file system is read-only, or its permissions forbid the change.
const NOT_WRITABLE = ['EACCES', 'EPERM', 'EROFS']

/** Takes the lock, a file that holds the pid of its owner, within `deadlineMs`; returns the function that releases it. */
export async function takeLock(signals, deadlineMs) {
  writable(() => fs.mkdirSync(join(ROOT, '.agentfleet'), { recursive: true }))
  const deadlineAtMs = Date.now() + deadlineMs
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
