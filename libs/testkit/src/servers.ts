import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultCacheDir,
  findBinary,
  startConsul,
  startNats,
  startRedis,
  type NatsConfig,
  type Program,
  type RunningServer,
} from '@agentfleet/local'

/** The servers that a test can ask for. */
export type ServerName = 'nats' | 'redis' | 'consul'

/** The real servers that a test asked for, in their own directory. */
export type TestServers<N extends ServerName> = AsyncDisposable & {
  readonly dir: string
} & { readonly [name in N]: RunningServer }

/** Users of NATS, if it has any. */
type NatsUsers = Pick<NatsConfig, 'users' | 'issuer'>

/** Starts the named servers; only NATS can have users. A missing program fails the test and never skips it. */
export async function startTestServers<N extends ServerName>(
  names: readonly N[],
  users: NatsUsers = { users: [] },
): Promise<TestServers<N>> {
  // One after the other, because the first search on a machine fetches what is missing.
  const programs: Program[] = []
  for (const name of names) {
    programs.push(await findBinary(name, { cacheDir: defaultCacheDir(process.env) }))
  }
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  const servers = await Promise.all(names.map((name, at) => start(name, programs[at]!, dir, users)))
  const named = Object.fromEntries(names.map((name, index) => [name, servers[index]]))
  return {
    ...(named as { readonly [name in N]: RunningServer }),
    dir,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.stop()))
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function start(
  name: ServerName,
  program: Program,
  parent: string,
  users: NatsUsers,
): Promise<RunningServer> {
  const dir = join(parent, name)
  if (name === 'nats') {
    const config = { durability: 'process', ...users } as const
    return startNats({ binaries: { natsServer: program }, dir, config })
  }
  if (name === 'redis') return startRedis({ binaries: { redisServer: program }, dir })
  return startConsul({ binaries: { consul: program }, dir })
}
