import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A first install on a slow line, milliseconds. */
const INSTALL_WITHIN_MS = 300_000
/** Characters of npm's complaints that are shown. */
const ERRORS_MAX = 4_000
/** Holds the lock file of the packages that a folder contains. */
const STAMP = '.installed-lock.json'

/**
 * Installs the packages of a folder with its own package-lock.json, unless those of this lock file are
 * installed; `begins` is called before an install. For packages that only a proof or a test needs.
 *
 * Installs into a folder next to `node_modules` and then renames that folder, so that a process which starts meanwhile,
 * or one that installs the same packages, never sees a part of a package.
 */
export async function installLocked(dir: string, begins?: () => void): Promise<void> {
  const lock = await readFile(join(dir, 'package-lock.json'), 'utf8')
  const packages = join(dir, 'node_modules')
  if (await isInstalled(packages, lock)) return
  begins?.()
  const stage = await mkdtemp(join(dir, 'node_modules.'))
  try {
    for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
      if (existsSync(join(dir, name))) await copyFile(join(dir, name), join(stage, name))
    }
    await install(stage)
    const staged = join(stage, 'node_modules')
    await writeFile(join(staged, STAMP), lock)
    await putInPlace(staged, packages)
    if (await isInstalled(packages, lock)) return
    // The packages of an older lock file stand there.
    await rename(packages, join(stage, 'replaced'))
    await putInPlace(staged, packages)
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
}

async function isInstalled(packages: string, lock: string): Promise<boolean> {
  const installed = await readFile(join(packages, STAMP), 'utf8').catch(() => undefined)
  return installed === lock
}

/** Renames a folder, unless another one has that name already. */
async function putInPlace(folder: string, path: string): Promise<void> {
  await rename(folder, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  })
}

async function install(dir: string): Promise<void> {
  const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: INSTALL_WITHIN_MS,
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-ERRORS_MAX)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`npm ci failed in ${dir}: ${errors}`)
}
