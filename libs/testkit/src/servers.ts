import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultCacheDir,
  findBinaries,
  startConsul,
  startNats,
  startRedis,
  type Binaries,
  type NatsConfig,
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
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  const servers = await Promise.all(names.map((name) => start(name, binaries, dir, users)))
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
  binaries: Binaries,
  parent: string,
  users: NatsUsers,
): Promise<RunningServer> {
  const dir = join(parent, name)
  if (name === 'nats')
    return startNats({ binaries, dir, config: { durability: 'process', ...users } })
  if (name === 'redis') return startRedis({ binaries, dir })
  return startConsul({ binaries, dir, persistent: false })
}
