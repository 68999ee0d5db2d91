import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Copies of the repository whose sources `npm run mutate` changes. */

const exec = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024
const STEP_WITHIN_MS = 10 * 60_000

/** A copy of the files that git knows, with what was built from them, installed from the local store. */
export async function makeCopy(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-mutate-'))
  try {
    const { stdout } = await exec('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
      cwd: ROOT,
      maxBuffer: OUTPUT_MAX_BYTES,
    })
    for (const file of stdout.split('\0').filter(Boolean)) {
      await copy(dir, file)
      if (file.endsWith('/package.json')) await copy(dir, join(dirname(file), 'dist'))
    }
    const { packageManager } = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')) as {
      packageManager: string
    }
    await run(dir, 'npx', [
      '-y',
      packageManager,
      'install',
      '--frozen-lockfile',
      '--prefer-offline',
    ])
    return dir
  } catch (error) {
    await removeCopy(dir)
    throw error
  }
}

/** Removes a copy. */
export async function removeCopy(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
}

/** Builds what has changed in the copy since its last build. */
export async function build(dir: string): Promise<void> {
  await run(dir, join(dir, 'node_modules/.bin/tsc'), ['-b'])
}

async function copy(dir: string, path: string): Promise<void> {
  await mkdir(dirname(join(dir, path)), { recursive: true })
  // The compiler builds again what is older than its sources.
  const options = { recursive: true, preserveTimestamps: true }
  await cp(join(ROOT, path), join(dir, path), options).catch((error: NodeJS.ErrnoException) => {
    // Deleted and not committed yet, or nothing was built.
    if (error.code !== 'ENOENT') throw error
  })
}

async function run(cwd: string, command: string, args: readonly string[]): Promise<void> {
  await exec(command, args, { cwd, timeout: STEP_WITHIN_MS, maxBuffer: OUTPUT_MAX_BYTES })
}
