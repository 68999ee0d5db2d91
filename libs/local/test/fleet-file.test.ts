import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { keepFleetFile, type FleetAccess, type RunningFleet } from '../src/fleet-file.ts'

const server = (name: string, port: number) =>
  ({ name, pid: port, url: `http://127.0.0.1:${port}`, restarts: 0 }) as RunningFleet['nats']

test('fleet.json lists the current processes of the fleet, and says at the end that the fleet has stopped', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet-test-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  let pid = 7
  const member = {
    id: 'gateway-1',
    kind: 'gateway',
    pid: () => pid,
    adminUrl: () => `http://127.0.0.1:${9_000 + pid}`,
    restarts: () => pid - 7,
  } as ReturnType<RunningFleet['members']>[number]
  const stop = await keepFleetFile({
    dir,
    url: 'http://127.0.0.1:8080',
    nats: server('nats-server', 1),
    redis: server('redis-server', 2),
    redisUrl: 'redis://:secret@127.0.0.1:2',
    consul: server('consul', 3),
    simulators: [],
    operator: { user: 'operator', password: 'secret' },
    members: () => [member],
  })
  const read = async () =>
    JSON.parse(await readFile(join(dir, 'fleet.json'), 'utf8')) as FleetAccess
  const first = await read()
  expect(first).toMatchObject({ state: 'running', pid: process.pid, natsUrl: 'http://127.0.0.1:1' })
  expect(first.processes).toContainEqual({
    id: 'consul',
    kind: 'consul',
    pid: 3,
    url: 'http://127.0.0.1:3',
    restarts: 0,
    log: join(dir, 'consul', 'consul.log'),
  })
  expect(first.processes.at(-1)).toEqual({
    id: 'gateway-1',
    kind: 'gateway',
    pid: 7,
    url: 'http://127.0.0.1:9007',
    restarts: 0,
    log: join(dir, 'logs', 'gateway-1.log'),
  })
  pid = 8
  await vi.waitUntil(async () => (await read()).processes.at(-1)?.pid === 8, { timeout: 10_000 })
  expect((await read()).processes.at(-1)).toMatchObject({
    restarts: 1,
    url: 'http://127.0.0.1:9008',
  })
  await stop()
  expect(await read()).toMatchObject({ state: 'stopped', processes: [] })
  expect(await readdir(dir)).toEqual(['fleet.json'])
})
