import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { defaultCacheDir, findBinaries, startRedis, type RunningServer } from '../src/index.ts'
import { restartPauseMs } from '../src/restart-pause.ts'
import { supervise } from '../src/servers/supervise.ts'

/** A server that dies comes back with its data, on a real redis-server. */
let dir: string
let redis: RunningServer
const ends: string[] = []
const eventually = (holds: () => Promise<void>): Promise<void> =>
  vi.waitFor(holds, { timeout: 15_000, interval: 20 })

beforeAll(async () => {
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  dir = await mkdtemp(join(tmpdir(), 'agentfleet-supervise-'))
  redis = await startRedis({ binaries, dir })
  await ask('SET kept 1')
  // The file of the data is flushed every second.
  await ask('BGREWRITEAOF')
}, 60_000)
afterAll(async () => {
  await redis?.stop()
  await rm(dir, { recursive: true, force: true })
})

/** The first line of the answer to an inline command. */
function ask(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: redis.port, host: '127.0.0.1' }, () =>
      socket.write(`${command}\r\n`),
    )
    socket.once('error', reject)
    socket.once('data', (chunk) => {
      socket.destroy()
      resolve(String(chunk).split('\r\n').at(0) === '$1' ? String(chunk).split('\r\n')[1]! : '')
    })
  })
}

test('the pause before a restart grows after each short life of a process, up to five seconds, and a long life resets the pause', () => {
  expect(restartPauseMs(1_000, 0)).toBe(100)
  expect(restartPauseMs(1_000, 100)).toBe(200)
  expect(restartPauseMs(1_000, 4_000)).toBe(5_000)
  expect(restartPauseMs(60_000, 4_000)).toBe(100)
})

test('a local server that is killed repeatedly is started again each time, on the same port and with its data', async () => {
  const supervision = supervise(redis, (name, reason, pauseMs) => {
    ends.push(`${name} ${reason} ${pauseMs}`)
  })
  for (const kill of [1, 2]) {
    const { pid } = redis
    redis.kill('SIGKILL')
    await eventually(async () => {
      expect(redis.pid).not.toBe(pid)
      expect(await ask('GET kept')).toBe('1')
    })
    expect(redis.restarts).toBe(kill)
  }
  expect(ends).toEqual(['redis-server SIGKILL 100', 'redis-server SIGKILL 200'])
  supervision.close()
})

test('a local server that hangs is killed and started again (SUP-4)', async () => {
  ends.length = 0
  const supervision = supervise(redis, (name, reason) => void ends.push(`${name} ${reason}`), 2_000)
  const { pid } = redis
  redis.kill('SIGSTOP')
  await eventually(async () => {
    expect(redis.pid).not.toBe(pid)
    expect(await ask('GET kept')).toBe('1')
  })
  expect(ends).toEqual(['redis-server the process did not answer for 2 s'])
  supervision.close()
}, 30_000)

test('a local server that was asked to end is not started again', async () => {
  const supervision = supervise(redis, (name) => void ends.push(name))
  ends.length = 0
  await redis.restart()
  await redis.stop()
  await expect(ask('PING')).rejects.toThrow('ECONNREFUSED')
  expect(ends).toEqual([])
  supervision.close()
})
