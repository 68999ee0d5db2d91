import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawPorts, startRedis, type Binaries } from '@agentfleet/local'
import { say } from '../command/flags.ts'
import type { NamedProcess } from '../fleet/processes.ts'
import { installLocked } from './install-locked.ts'

/**
 * The peer of the comparison: BullMQ behind Fastify, one server process and as many worker processes as the
 * fleet has, on a separate Redis with the same durability.
 */
export interface Peer {
  readonly url: string
  processes(): readonly NamedProcess[]
  /** Kills one of its workers as `kill -9` does, and starts another one instead. */
  killWorker(): Promise<void>
  stop(): Promise<void>
}

const PEER_DIR = fileURLToPath(new URL('../../../bench/', import.meta.url))
const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 5_000

/** Starts the peer and resolves when its server accepts requests and its workers accept work. */
export async function startPeer(options: {
  readonly dir: string
  readonly binaries: Binaries
  readonly workers: number
  readonly slots: number
  /** Length of a job's lock, and time between two checks for expired locks, milliseconds. */
  readonly stalledMs: number
  /** The provider of the fleet's workers, so that both sides ask the same process. */
  readonly openaiBaseUrl: string
}): Promise<Peer> {
  await installLocked(PEER_DIR, () => say('installing the packages of the peer …'))
  const redis = await startRedis({ binaries: options.binaries, dir: join(options.dir, 'redis') })
  const children: { name: string; child: ChildProcess }[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(({ child }) => stopChild(child)))
    await redis.stop()
  }
  try {
    const [port = 0] = await drawPorts(1)
    const env = {
      REDIS_URL: redis.url,
      PEER_PORT: String(port),
      PEER_CONCURRENCY: String(options.slots),
      PEER_STALLED_MS: String(options.stalledMs),
      OPENAI_BASE_URL: options.openaiBaseUrl,
    }
    const start = async (name: string, script: string): Promise<void> => {
      const child = spawn(process.execPath, [join(PEER_DIR, script)], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      children.push({ name, child })
      await ready(name, child)
    }
    for (let i = 1; i <= options.workers; i += 1) await start(`worker-${i}`, 'worker.mjs')
    await start('server', 'server.mjs')
    return {
      async killWorker() {
        const index = children.findIndex(({ name }) => name === 'worker-1')
        const [killed] = children.splice(index, 1)
        killed?.child.kill('SIGKILL')
        await start('worker-1', 'worker.mjs')
      },
      url: `http://127.0.0.1:${port}`,
      processes: () => [
        ...children.map(({ name, child }) => ({ name, pid: child.pid ?? 0 })),
        { name: 'redis', pid: redis.pid },
      ],
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function ready(name: string, child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the peer's ${name} is not ready after ${READY_WITHIN_MS} ms`)),
      READY_WITHIN_MS,
    )
    child.once('message', () => {
      clearTimeout(timer)
      resolve()
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`the peer's ${name} ended with exit code ${code} before it was ready`))
    })
  })
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  await exited
  clearTimeout(timer)
}
