import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultCacheDir,
  findBinaries,
  startConsul,
  startNats,
  startRedis,
  type RunningServer,
} from '@agentfleet/local'

/** Real servers of one test, in their own directory. */
export interface TestServers extends AsyncDisposable {
  readonly dir: string
  readonly nats: RunningServer
  readonly redis: RunningServer
  readonly consul: RunningServer
}

/** Starts NATS, Redis and Consul without users; a missing program fails the test and never skips it. */
export async function startTestServers(): Promise<TestServers> {
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  const config = { durability: 'process', users: [] } as const
  const [nats, redis, consul] = await Promise.all([
    startNats({ binaries, dir: join(dir, 'nats'), config }),
    startRedis({ binaries, dir: join(dir, 'redis') }),
    startConsul({ binaries, dir: join(dir, 'consul'), persistent: false }),
  ])
  return {
    dir,
    nats,
    redis,
    consul,
    async [Symbol.asyncDispose]() {
      await Promise.all([nats.stop(), redis.stop(), consul.stop()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}
