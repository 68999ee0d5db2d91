import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A data directory that no other running fleet uses. */
export interface DataDir {
  readonly dir: string
  release(): Promise<void>
}

/** So many fleets at once from one checkout would be a mistake. */
const DIRS_MAX = 50

/**
 * Takes `<base>/fleet-1`, or the next one when another running fleet holds it: state survives a
 * restart, and two fleets side by side never share it.
 */
export async function takeDataDir(base: string): Promise<DataDir> {
  for (let n = 1; n <= DIRS_MAX; n += 1) {
    const dir = join(base, `fleet-${n}`)
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const lock = join(dir, 'lock')
    if (await takeLock(lock)) return { dir, release: () => rm(lock, { force: true }) }
  }
  throw new Error(`${DIRS_MAX} fleets run from ${base} already: stop some of them`)
}

async function takeLock(lock: string): Promise<boolean> {
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      const file = await open(lock, 'wx', 0o600)
      await file.write(String(process.pid))
      await file.close()
      return true
    } catch {
      const pid = Number(await readFile(lock, 'utf8').catch(() => ''))
      if (pid > 0 && isRunning(pid)) return false
      // Its owner was killed: this process takes the lock over.
      await rm(lock, { force: true })
    }
  }
  return false
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // The process belongs to another user, so it runs.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
