/**
 * Fetches programs from the Debian archive into a cache folder, with apt's own tools, a private apt
 * state and no root: it writes nothing into the system.
 *
 * Trust: the archive's address is the one this machine's apt already uses, and every index and package is
 * checked against Debian's archive keys; settings that would let an unsigned index pass are overruled.
 */
import {
  access,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { basename, join } from 'node:path'
import { runCommand } from './command.ts'

/** Where the Debian archive has a program. */
export type Recipe = {
  /** The name of the program, as a shell finds it. */
  readonly name: string
  /** The suite that holds a version fit for use. */
  readonly suite: string
  readonly packages: readonly string[]
  /** Packages that are fetched only where the system lacks them. */
  readonly libraries: readonly string[]
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
// Apt hooks, pins and folders of the machine are left out; its network settings are kept.
const KEPT_SETTINGS = /^(Acquire|Dir::Etc::(netrc|netrcparts|trusted|trustedparts)\b)/
// 27 MB of indexes and 20 MB of packages: seconds on a good line, minutes on a bad one.
const NETWORK_DEADLINE_MS = 240_000
const LOCAL_DEADLINE_MS = 60_000
// Folders that a killed fetch left behind; no running fetch is that old.
const LEFTOVER_AGE_MS = 3_600_000
// Some machines have several archives of the same release name; more than this is a parsing error.
const ARCHIVES_MAX = 4
const WORK_PREFIX = '.fetch-'

/** Fetches the named programs so that each is complete at `<cacheDir>/<name>/root`. */
export async function fetchFromDebian(
  recipes: readonly Recipe[],
  cacheDir: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const startedAtMs = Date.now()
  await removeLeftovers(cacheDir)
  const archives = await findArchives(cacheDir, signal)
  const work = await mkdtemp(join(cacheDir, WORK_PREFIX))
  try {
    const apt = await preparePrivateApt(work, signal)
    const wanted = await planPackages(recipes, signal)
    await updateIndexes(apt, archives, [...new Set(wanted.map(({ suite }) => suite))])
    const downloads = join(work, 'packages')
    await mkdir(downloads)
    const pins = wanted.flatMap(({ suite, packages }) => packages.map((p) => `${p}/${suite}`))
    await apt.run(['download', ...pins], { timeoutMs: NETWORK_DEADLINE_MS, cwd: downloads })
    const files = await readdir(downloads)
    for (const { name, packages } of wanted) {
      const root = join(work, name, 'root')
      await mkdir(root, { recursive: true })
      for (const file of files.filter((f) => packages.includes(f.split('_')[0] ?? '')))
        await runCommand('dpkg', ['-x', join(downloads, file), root], {
          env: process.env,
          timeoutMs: LOCAL_DEADLINE_MS,
          signal,
        })
      await publish(join(work, name), join(cacheDir, name), { work, startedAtMs })
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

type Wanted = Pick<Recipe, 'name' | 'suite' | 'packages'>

async function planPackages(
  recipes: readonly Recipe[],
  signal: AbortSignal | undefined,
): Promise<Wanted[]> {
  const wanted: Wanted[] = []
  for (const { name, suite, packages, libraries } of recipes) {
    const absent: string[] = []
    for (const library of libraries) if (!(await isInstalled(library, signal))) absent.push(library)
    wanted.push({ name, suite, packages: [...packages, ...absent] })
  }
  return wanted
}

async function isInstalled(library: string, signal: AbortSignal | undefined): Promise<boolean> {
  const args = ['-W', '-f', '${db:Status-Status}', library]
  const options = { env: process.env, timeoutMs: LOCAL_DEADLINE_MS, signal }
  // dpkg-query fails for an unknown package; that is a valid answer.
  return (await runCommand('dpkg-query', args, options).catch(() => '')).includes('installed')
}

/** Addresses of Debian's archive from this machine's apt configuration, the likeliest first. */
async function findArchives(
  cacheDir: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  if (!/^ID="?debian"?$/m.test(release))
    throw new Error('programs can be fetched only on Debian, and this is another system')
  const codename = /^VERSION_CODENAME="?(\w+)"?$/m.exec(release)?.[1]
  const releases = new Set([codename, 'stable', 'oldstable', 'oldoldstable', 'testing', 'sid'])
  // Without release details the list is complete even where the indexes were never fetched.
  const format = '$(CREATED_BY)|$(TARGET_OF)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)'
  const output = await runCommand(
    'apt-get',
    ['indextargets', '--no-release-info', '--format', format],
    { env: plainEnv(), timeoutMs: LOCAL_DEADLINE_MS, signal, cwd: cacheDir },
  )
  const targets = output.split('\n').flatMap((line) => {
    const [createdBy, targetOf, component, suite = '', uri = ''] = line.split('|')
    const usable =
      createdBy === 'Packages' &&
      targetOf === 'deb' &&
      component === 'main' &&
      !uri.startsWith('cdrom:')
    return usable && /^[^\s[\]]+$/.test(uri) ? [{ suite, uri }] : []
  })
  // Debian's own archive also carries the updates suites, so it is named most often.
  const mentions = (uri: string): number => targets.filter((target) => target.uri === uri).length
  const uris = new Set(targets.filter(({ suite }) => releases.has(suite)).map(({ uri }) => uri))
  if (uris.size === 0) throw new Error('the apt configuration names no Debian archive')
  return [...uris].sort((a, b) => mentions(b) - mentions(a)).slice(0, ARCHIVES_MAX)
}

type PrivateApt = {
  readonly sourcesFile: string
  run(args: readonly string[], options: { timeoutMs: number; cwd: string }): Promise<string>
}

async function preparePrivateApt(
  work: string,
  signal: AbortSignal | undefined,
): Promise<PrivateApt> {
  const sourcesFile = join(work, 'sources.list')
  const configFile = join(work, 'apt.conf')
  const statusFile = join(work, 'status')
  await mkdir(join(work, 'state', 'lists', 'partial'), { recursive: true })
  await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true })
  await writeFile(statusFile, '')
  const dump = await runCommand('apt-config', ['dump', '--no-empty', '--format', '%F "%v";%n'], {
    env: plainEnv(),
    timeoutMs: LOCAL_DEADLINE_MS,
    signal,
  })
  const kept = dump.split('\n').filter((line) => KEPT_SETTINGS.test(line))
  const own: readonly (readonly [string, string])[] = [
    ['Dir::Etc::main', '/dev/null'],
    ['Dir::Etc::parts', '/dev/null'],
    ['Dir::Etc::sourcelist', sourcesFile],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::Etc::preferences', '/dev/null'],
    ['Dir::Etc::preferencesparts', '/dev/null'],
    ['Dir::State', join(work, 'state')],
    ['Dir::State::status', statusFile],
    ['Dir::Cache', join(work, 'cache')],
    // The binary caches would take 150 MB for a single use.
    ['Dir::Cache::pkgcache', ''],
    ['Dir::Cache::srcpkgcache', ''],
    ['Dir::Log', join(work, 'state')],
    // If apt runs as root, it switches to a user that cannot enter a private home folder.
    ['APT::Sandbox::User', 'root'],
    ['APT::Get::AllowUnauthenticated', 'false'],
    ['Acquire::AllowInsecureRepositories', 'false'],
    ['Acquire::AllowWeakRepositories', 'false'],
    ['Acquire::AllowDowngradeToInsecureRepositories', 'false'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '2'],
    ['Acquire::http::Timeout', '20'],
    ['Acquire::https::Timeout', '20'],
  ]
  const lines = [...kept, ...own.map(([key, value]) => `${key} "${value}";`)]
  // Proxy settings may hold a password.
  await writeFile(configFile, lines.join('\n') + '\n', { mode: 0o600 })
  return {
    sourcesFile,
    run: (args, options) =>
      runCommand('apt-get', ['-q', ...args], {
        ...options,
        env: { ...plainEnv(), APT_CONFIG: configFile },
        signal,
      }),
  }
}

/** Fetches the signed indexes of the suites from the first archive that has them all. */
async function updateIndexes(
  apt: PrivateApt,
  archives: readonly string[],
  suites: readonly string[],
): Promise<void> {
  const keyring = await access(KEYRING).then(
    () => `[signed-by=${KEYRING}] `,
    // Without the keyring file apt falls back to the keys that this machine trusts.
    () => '',
  )
  const failures: string[] = []
  for (const archive of archives) {
    const lines = suites.map((suite) => `deb ${keyring}${archive} ${suite} main\n`)
    await writeFile(apt.sourcesFile, lines.join(''))
    try {
      // A half-failed update counts as failed, or an old index would pass as a new one.
      const args = ['--error-on=any', 'update']
      await apt.run(args, { timeoutMs: NETWORK_DEADLINE_MS, cwd: '/' })
      return
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new Error(
    `no Debian archive returned signed indexes of ${suites.join(', ')}: ${failures.join('; ')}`,
  )
}

/**
 * Upholds B2: one rename puts the finished folder into its place. An older folder there did not run and is
 * moved aside; one that appeared during our fetch has the same content from another fetch, and stays.
 */
async function publish(
  complete: string,
  place: string,
  { work, startedAtMs }: { readonly work: string; readonly startedAtMs: number },
): Promise<void> {
  const taken = (error: NodeJS.ErrnoException): boolean =>
    error.code === 'ENOTEMPTY' || error.code === 'EEXIST'
  try {
    await rename(complete, place)
  } catch (error) {
    if (!taken(error as NodeJS.ErrnoException)) throw error
    if ((await stat(place)).ctimeMs >= startedAtMs) return
    await rename(place, join(work, `replaced-${basename(place)}`))
    await rename(complete, place).catch((again: NodeJS.ErrnoException) => {
      if (!taken(again)) throw again
    })
  }
}

async function removeLeftovers(cacheDir: string): Promise<void> {
  for (const entry of await readdir(cacheDir)) {
    if (!entry.startsWith(WORK_PREFIX)) continue
    const path = join(cacheDir, entry)
    const ageMs = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs
    if (ageMs > LEFTOVER_AGE_MS) await rm(path, { recursive: true, force: true })
  }
}

/** The environment for apt: its messages in one language, and no foreign settings file. */
function plainEnv(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C' }
  delete env['APT_CONFIG']
  return env
}
