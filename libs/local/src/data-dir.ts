import { mkdir, open, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StartFailure } from './start/start-watch.ts'

/** A data directory that no other running fleet uses. */
export interface DataDir {
  readonly dir: string
  release(): Promise<void>
}

/** An idle fleet writes less than a megabyte; below this its first tasks would fill the disk, bytes. */
const FREE_BYTES_MIN = 50 * 1024 * 1024
/** The format of the state; a release that cannot read the state of the last one raises it. */
const STATE_FORMAT = 1
/** So many fleets at once from one checkout would be a mistake. */
const DIRS_MAX = 50

/**
 * Takes `<base>/fleet-1`, or the next one when another running fleet holds it: state survives a
 * restart, and two fleets side by side never share it. Throws a StartFailure when the folder cannot be used.
 */
export async function takeDataDir(base: string): Promise<DataDir> {
  for (let n = 1; n <= DIRS_MAX; n += 1) {
    const dir = join(base, `fleet-${n}`)
    await makeDir(dir).catch((error: unknown) => {
      throw unusable(base, error)
    })
    const lock = join(dir, 'lock')
    if (!(await takeLock(lock, base))) continue
    const release = (): Promise<void> => rm(lock, { force: true })
    try {
      await checkSpace(dir)
      await checkFormat(dir)
      return { dir, release }
    } catch (error) {
      await release()
      throw error
    }
  }
  throw new Error(
    `${DIRS_MAX} fleets already run in ${base}; stop one of them, or choose another folder with --data`,
  )
}

async function checkSpace(dir: string): Promise<void> {
  const { bavail, bsize } = await statfs(dir)
  if (bavail * bsize >= FREE_BYTES_MIN) return
  const mb = Math.floor((bavail * bsize) / 1024 / 1024)
  throw new StartFailure(
    `the disk of the state folder ${dir} has only ${mb} MB free; free at least ${FREE_BYTES_MIN / 1024 / 1024} MB, or choose a folder on another disk with --data`,
  )
}

/** Refuses the state of a newer release, whose events this one might misread. */
async function checkFormat(dir: string): Promise<void> {
  const file = join(dir, 'format')
  const kept = await readFile(file, 'utf8').catch(() => '')
  if (kept === '') return writeFile(file, `${STATE_FORMAT}\n`, { mode: 0o600 })
  const format = Number(kept)
  if (format >= 1 && format <= STATE_FORMAT) return
  throw new StartFailure(
    `the state in ${dir} has the format ${kept.trim().slice(0, 20)}, and this version of AgentFleet reads up to ${STATE_FORMAT}; use the version that wrote it, choose another folder with --data, or delete this folder to start empty`,
  )
}

async function takeLock(lock: string, base: string): Promise<boolean> {
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      const file = await open(lock, 'wx', 0o600)
      await file.write(String(process.pid))
      await file.close()
      return true
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw unusable(base, error)
      const pid = Number(await readFile(lock, 'utf8').catch(() => ''))
      if (pid > 0 && isRunning(pid)) return false
      // Its owner was killed: this process takes the lock over.
      await rm(lock, { force: true })
    }
  }
  return false
}

function unusable(base: string, error: unknown): StartFailure {
  const reason = error instanceof Error ? error.message : String(error)
  return new StartFailure(
    `the state folder ${base} cannot be used (${reason}); choose another folder with --data, or make this folder writable`,
  )
}

/** Makes a folder and the folders above it. Node's own recursive call does not end where /proc refuses one. */
export async function makeDir(dir: string, mode = 0o700): Promise<void> {
  try {
    await makeLast(dir, mode)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(dir) === dir) throw error
    await makeDir(dirname(dir), mode)
    await makeLast(dir, mode)
  }
}

async function makeLast(dir: string, mode: number): Promise<void> {
  try {
    await mkdir(dir, { mode })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await stat(dir)).isDirectory()) throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // The process belongs to another user, so it runs.
    return codeOf(error) === 'EPERM'
  }
}
