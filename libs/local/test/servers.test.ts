import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { defaultCacheDir, findBinaries, startConsul, startNats, startRedis } from '../src/index.ts'
import type { Binaries, Exit, RunningServer } from '../src/index.ts'

const START_MS = 60_000
let binaries: Binaries
const dirs: string[] = []

beforeAll(async () => {
  binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
}, 300_000)

afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true })
})

async function freshDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet servers-'))
  dirs.push(dir)
  return dir
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Sends a line of a text protocol and returns the conversation once it matches the pattern. */
async function converse(port: number, text: string, until: RegExp): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  const signal = AbortSignal.timeout(10_000)
  signal.addEventListener('abort', () => socket.destroy(new Error('no answer in time')))
  try {
    socket.write(text)
    let heard = ''
    for await (const chunk of socket) {
      heard += String(chunk)
      if (until.test(heard)) return heard
    }
    throw new Error(`closed after: ${heard}`)
  } finally {
    socket.destroy()
  }
}

async function expectGone(server: RunningServer): Promise<void> {
  const { pid } = server
  await server.stop()
  await server.stop()
  expect(isAlive(pid)).toBe(false)
}

describe('the local redis-server', () => {
  test(
    'keeps its port and its data after a kill and a restart, and leaves no process behind',
    async () => {
      await using redis = await startRedis({
        binaries,
        dir: await freshDir(),
        password: 'pass"word',
      })
      const login = 'AUTH "pass\\"word"\r\n'
      await converse(redis.port, `${login}SET k v1\r\nBGREWRITEAOF\r\n`, /\+OK\r\n\+OK\r\n\+Back/)
      const { pid, port } = redis
      const crashed = new Promise<Exit>((resolve) => redis.onCrash(resolve))
      // The append-only file is written at once and only synced each second: SIGKILL loses nothing.
      redis.kill('SIGKILL')
      expect((await crashed).signal).toBe('SIGKILL')
      await redis.restart()
      expect(redis.port).toBe(port)
      expect(redis.pid).not.toBe(pid)
      expect(await converse(port, `${login}GET k\r\n`, /v1\r\n/)).toContain('v1')
      expect(await converse(port, 'GET k\r\n', /\r\n/)).toContain('NOAUTH')
      await expectGone(redis)
    },
    START_MS,
  )

  test(
    'can still be stopped while it is paused',
    async () => {
      await using redis = await startRedis({ binaries, dir: await freshDir() })
      redis.kill('SIGSTOP')
      await expectGone(redis)
    },
    START_MS,
  )

  test('fails to start if its program is missing, and the error contains the name of the program', async () => {
    const gone = { ...binaries.redisServer, path: '/nonexistent/redis-server' }
    await expect(
      startRedis({ binaries: { redisServer: gone }, dir: await freshDir() }),
    ).rejects.toThrow('cannot run /nonexistent/redis-server')
  })
})

describe('the local nats-server', () => {
  const users = [
    { user: 'all', password: 'a$b"c\\d' },
    {
      user: 'few',
      password: 'p',
      permissions: {
        publish: { allow: ['open.>'] },
        subscribe: { allow: ['open.>'] },
      },
    },
  ]
  const hello = (user: string, pass: string, verbs: string): string =>
    `CONNECT ${JSON.stringify({ user, pass, verbose: false, pedantic: false })}\r\n${verbs}PING\r\n`
  const api = (subject: string, body: object): string => {
    const text = JSON.stringify(body)
    return `SUB inbox 1\r\nPUB $JS.API.${subject} inbox ${text.length}\r\n${text}\r\n`
  }

  test(
    'serves JetStream to its configured users and keeps streams over a restart',
    async () => {
      const dir = await freshDir()
      await using nats = await startNats({ binaries, dir, config: { durability: 'power', users } })
      const create = api('STREAM.CREATE.S', { name: 'S', subjects: ['s.>'], storage: 'file' })
      const store = `${create}PUB s.1 inbox 2\r\nhi\r\n`
      const stored = await converse(
        nats.port,
        hello('all', 'a$b"c\\d', store),
        /"stream":"S", ?"seq":1/,
      )
      expect(stored).toContain('"jetstream":true')
      nats.kill('SIGKILL')
      await nats.restart()
      const info = hello('all', 'a$b"c\\d', api('STREAM.INFO.S', {}))
      expect(await converse(nats.port, info, /"messages":1/)).toContain('"messages":1')
      const refused = hello('few', 'p', 'PUB shut 0\r\n\r\nSUB secret.x 2\r\n')
      expect(await converse(nats.port, refused, /Subscription to/)).toContain('Publish to "shut"')
      await expect(converse(nats.port, hello('all', 'wrong', ''), /PONG/)).rejects.toThrow(
        'Authorization Violation',
      )
      const configFile = join(dir, 'nats.conf')
      expect((await stat(configFile)).mode & 0o777).toBe(0o600)
      const { http } = JSON.parse(await readFile(configFile, 'utf8')) as { readonly http: string }
      const jsz = await fetch(`http://${http}/varz`)
      expect(await jsz.json()).toMatchObject({ max_payload: 8388608, max_connections: 100000 })
      await expectGone(nats)
    },
    START_MS,
  )

  test(
    'needs no password when there are no users',
    async () => {
      await using nats = await startNats({
        binaries,
        dir: await freshDir(),
        config: { durability: 'process', users: [] },
      })
      expect(await converse(nats.port, 'CONNECT {}\r\nPING\r\n', /PONG/)).toContain('PONG')
    },
    START_MS,
  )

  test(
    'fails on a port that is in use, and the error contains the last lines of its log',
    async () => {
      const squatter = createServer().listen(0, '127.0.0.1')
      await once(squatter, 'listening')
      const { port } = squatter.address() as { port: number }
      try {
        const config = { durability: 'process', users: [] } as const
        const start = startNats({ binaries, dir: await freshDir(), config, port })
        await expect(start).rejects.toThrow(/nats-server ended.*already in use/is)
      } finally {
        squatter.close()
      }
    },
    START_MS,
  )

  test('refuses settings that its config format cannot express', async () => {
    const config = { durability: 'process', users: [{ user: 'ü', password: 'x' }] } as const
    await expect(startNats({ binaries, dir: await freshDir(), config })).rejects.toThrow('ASCII')
  })
})

describe('the local Consul server', () => {
  const put = (base: string): Promise<Response> =>
    fetch(`${base}/v1/kv/k`, { method: 'PUT', body: 'v' })
  const get = async (base: string): Promise<string> =>
    (await fetch(`${base}/v1/kv/k?raw&consistent`)).text()

  test(
    'serves keys, and leaves no process behind',
    async () => {
      const dir = await freshDir()
      await using consul = await startConsul({ binaries, dir })
      expect((await put(consul.url)).ok).toBe(true)
      expect(await get(consul.url)).toBe('v')
      await expectGone(consul)
    },
    START_MS,
  )
})

describe('the end of the parent process', () => {
  const built = fileURLToPath(new URL('../dist/index.js', import.meta.url))
  const program = `
    const { startRedis } = await import(process.argv[1])
    const redis = await startRedis({ binaries: JSON.parse(process.argv[2]), dir: process.argv[3] })
    console.log(redis.pid)
    process.on('message', () => process.exit(0))`

  test.each(['SIGINT', 'SIGTERM', 'SIGKILL', 'exit'] as const)(
    'by %s also ends the local servers',
    async (end) => {
      const args = ['--input-type=module', '-e', program, built, JSON.stringify(binaries)]
      const parent = spawn(process.execPath, [...args, await freshDir()], {
        stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      })
      const [line] = (await once(parent.stdout!, 'data')) as [Buffer]
      const pid = Number(String(line))
      expect(isAlive(pid)).toBe(true)
      if (end === 'exit') parent.send('exit')
      else parent.kill(end)
      await once(parent, 'exit')
      await vi.waitUntil(() => !isAlive(pid), { timeout: 10_000 })
    },
    START_MS,
  )
})
