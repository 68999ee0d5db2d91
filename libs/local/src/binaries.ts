/**
 * Finds programs, above all the three servers of the fleet: on the PATH when new enough, else in a cache that is
 * filled once from the Debian archive (binaries-debian.ts).
 *
 * States of a program: on the PATH, cached, or missing. Invariants:
 * - B1: a program is returned only after it has run here and reported a version that is new enough.
 * - B2: a cache entry appears by one rename of a complete folder, so searches in parallel never see half of
 *   one.
 */
import { access, constants, readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { fetchFromDebian, type Recipe } from './binaries-debian.ts'
import { runCommand } from './command.ts'
import { makeDir } from './data-dir.ts'
import { StartFailure } from './start/start-watch.ts'

/** A program that has run here, with the environment that it needs in addition. */
export type Program = {
  readonly name: string
  readonly path: string
  readonly env: Readonly<Record<string, string>>
  readonly version: string
  readonly origin: 'path' | 'cache'
}

/** The three server programs of a fleet. */
export type Binaries = Readonly<Record<'natsServer' | 'redisServer' | 'consul', Program>>

/** The inputs of a search for the programs: where to cache, where to report, when to give up. */
export type FindOptions = {
  readonly cacheDir: string
  readonly log?: (line: string) => void
  readonly signal?: AbortSignal
}

/** A program that a fleet or a test needs, and how to find out its version. */
type Requirement = Recipe & {
  /** The oldest version fit for use. */
  readonly floor: readonly [major: number, minor: number]
  readonly versionArgs: readonly string[]
  readonly versionPattern: RegExp
}

const SERVERS = {
  // 2.10 is the first with a sync interval and with compare-and-set that holds in a cluster.
  nats: {
    name: 'nats-server',
    suite: 'trixie',
    packages: ['nats-server'],
    libraries: [],
    floor: [2, 10],
    versionArgs: ['--version'],
    versionPattern: /v(\d+)\.(\d+)[\w.+-]*/,
  },
  // 7.0 brought the multi-part append-only file, which a crash cannot leave half rewritten.
  redis: {
    name: 'redis-server',
    suite: 'bookworm',
    packages: ['redis-server', 'redis-tools'],
    libraries: ['libatomic1', 'libjemalloc2', 'liblzf1', 'libssl3', 'libsystemd0'],
    floor: [7, 0],
    versionArgs: ['--version'],
    versionPattern: /v=(\d+)\.(\d+)[\w.+-]*/,
  },
  // 1.8 is the newest that Debian has, and the fleet uses only its HTTP interface.
  consul: {
    name: 'consul',
    suite: 'bullseye',
    packages: ['consul'],
    libraries: [],
    floor: [1, 8],
    versionArgs: ['version'],
    versionPattern: /v(\d+)\.(\d+)[\w.+-]*/,
  },
} as const satisfies Record<string, Requirement>

// Ordinary users' PATH often lacks the folders where Debian puts daemons.
const DAEMON_DIRS = ['/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin']
// A cold start of a 70 MB program from a slow disk takes seconds; a hang takes for ever.
const VERSION_DEADLINE_MS = 15_000

/** Where fetched programs are kept unless a caller says otherwise. */
export function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  if (env['AGENTFLEET_CACHE']) return resolve(env['AGENTFLEET_CACHE'])
  const base = env['XDG_CACHE_HOME']
  // The base directory specification says to ignore a relative path.
  const root = base && isAbsolute(base) ? base : join(homedir(), '.cache')
  return join(root, 'agentfleet', 'bin')
}

/**
 * Finds nats-server, redis-server and consul, fetches missing ones, or throws an error that says what to do.
 */
export async function findBinaries(options: FindOptions): Promise<Binaries> {
  const found = await findPrograms(Object.values(SERVERS), options)
  return {
    natsServer: found('nats-server'),
    redisServer: found('redis-server'),
    consul: found('consul'),
  }
}

/** Finds or fetches one of the three, without running the others: to ask each for its version takes time. */
export async function findBinary(
  name: keyof typeof SERVERS,
  options: FindOptions,
): Promise<Program> {
  const server = SERVERS[name]
  return (await findPrograms([server], options))(server.name)
}

/** Finds these programs, fetches missing ones, or throws an error that says what to do. */
export async function findPrograms<const Needed extends Requirement>(
  requirements: readonly Needed[],
  { cacheDir, log = () => undefined, signal }: FindOptions,
): Promise<(name: Needed['name']) => Program> {
  const found = new Map<string, Program>()
  await Promise.all(
    requirements.map(async (requirement) => {
      const program =
        (await findOnPath(requirement, signal)) ??
        (await findInCache(requirement, cacheDir, signal))
      if (program) found.set(requirement.name, program)
    }),
  )
  const missing = requirements.filter(({ name }) => !found.has(name))
  if (missing.length > 0) {
    log(`fetching ${missing.map(({ name }) => name).join(', ')} from the Debian archive …`)
    try {
      await makeDir(cacheDir, 0o755)
      await fetchFromDebian(missing, cacheDir, signal)
      for (const requirement of missing) {
        const program = await findInCache(requirement, cacheDir, signal)
        if (!program) throw new Error(`the fetched ${requirement.name} does not run here`)
        found.set(requirement.name, program)
      }
    } catch (cause) {
      signal?.throwIfAborted()
      throw unavailable(missing, cause)
    }
  }
  return (name) => {
    const program = found.get(name)
    if (!program) throw new Error(`${name} was searched for but not recorded`)
    return program
  }
}

function unavailable(missing: readonly Requirement[], cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const names = missing.map(({ name, floor }) => `${name} (${floor.join('.')} or newer)`).join(', ')
  const are = missing.length === 1 ? 'is' : 'are'
  return new StartFailure(
    `AgentFleet needs ${names}, which ${are} not on the PATH and could not be fetched: ${reason}\n` +
      'Check the network and the proxy of apt, install the missing programs, set AGENTFLEET_CACHE to a folder that can ' +
      'be written, or run the fleet in containers with "docker compose up".',
    { cause },
  )
}

async function findOnPath(
  requirement: Requirement,
  signal: AbortSignal | undefined,
): Promise<Program | undefined> {
  const dirs = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  for (const dir of new Set([...dirs, ...DAEMON_DIRS])) {
    const program = await tryProgram(requirement, join(dir, requirement.name), {}, 'path', signal)
    if (program) return program
  }
  return undefined
}

async function findInCache(
  requirement: Requirement,
  cacheDir: string,
  signal: AbortSignal | undefined,
): Promise<Program | undefined> {
  const root = join(cacheDir, requirement.name, 'root')
  const lib = join(root, 'usr', 'lib')
  const triplets = (await readdir(lib).catch(() => [])).filter((entry) => entry.includes('-linux-'))
  const libraryDirs = triplets.flatMap((entry) => [join(lib, entry), join(root, 'lib', entry)])
  const env: Record<string, string> =
    libraryDirs.length > 0 ? { LD_LIBRARY_PATH: libraryDirs.join(':') } : {}
  for (const dir of ['usr/bin', 'usr/sbin', 'bin']) {
    const path = join(root, dir, requirement.name)
    const program = await tryProgram(requirement, path, env, 'cache', signal)
    if (program) return program
  }
  return undefined
}

/** Upholds B1: a program that cannot be run, is too old or reports no version counts as missing. */
async function tryProgram(
  { name, floor, versionArgs, versionPattern }: Requirement,
  path: string,
  env: Readonly<Record<string, string>>,
  origin: Program['origin'],
  signal: AbortSignal | undefined,
): Promise<Program | undefined> {
  signal?.throwIfAborted()
  try {
    await access(path, constants.X_OK)
    const output = await runCommand(path, versionArgs, {
      env: { ...process.env, ...env },
      timeoutMs: VERSION_DEADLINE_MS,
      signal,
    })
    const match = versionPattern.exec(output)
    const [major, minor] = [Number(match?.[1]), Number(match?.[2])]
    if (!match || major < floor[0] || (major === floor[0] && minor < floor[1])) return undefined
    const version = match[0].replace(/^v=?/, '')
    return { name, path, env, version, origin }
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}
