import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A first install on a slow line, milliseconds. */
const INSTALL_WITHIN_MS = 300_000
/** Characters of npm's complaints that are shown. */
const ERRORS_MAX = 4_000

/**
 * Installs the packages of a folder with its own package-lock.json, unless those of this lock file are
 * installed; `begins` is called before an install. For packages that only a proof or a test needs.
 */
export async function installLocked(dir: string, begins?: () => void): Promise<void> {
  const lock = await readFile(join(dir, 'package-lock.json'), 'utf8')
  const stamp = join(dir, 'node_modules', '.installed-lock.json')
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === lock) return
  begins?.()
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
  await writeFile(stamp, lock)
}
