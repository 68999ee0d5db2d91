import { createServer } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createPool, serveControl, startMember, type Member } from '@agentfleet/local'
import { createLogger, systemClock } from '@agentfleet/runtime'
import { DEPLOYMENT, eventually, startKubernetes } from '@agentfleet/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { connectKubernetes } from '../src/kubernetes/api.ts'
import { createKubernetesOrchestrator } from '../src/kubernetes/driver.ts'
import { createLocalOrchestrator } from '../src/local.ts'
import type { Orchestrator } from '../src/orchestrator.ts'
import { createRecommender } from '../src/recommend.ts'

/** One suite for every driver: the behaviour that a service may rely on. */
interface World {
  readonly driver: Orchestrator
  /** Ids of the processes that are up or starting, without those that leave. */
  up(): readonly string[]
  /** A process that was asked to finish its work has done so and exits with code 0. */
  finish(id: string): Promise<void>
  /** A process exits with code 0 although it was not asked to. */
  exit(id: string): Promise<void>
  /** From now on calls get no answer. */
  silence(): Promise<void>
  close(): Promise<void>
}

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const WITHIN_MS = 10_000
/** Long enough to start two processes on a busy machine, short enough to wait for in a test, milliseconds. */
const CALL_WITHIN_MS = 2_000
const worlds: World[] = []

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close()
})

const DRIVERS = [
  ['local', startLocal],
  ['kubernetes', startCluster],
  ['recommend', startRecommender],
] as const

describe.each(DRIVERS)('the driver %s', (name, start) => {
  async function setup(count: number): Promise<World> {
    const world = await start(count)
    worlds.push(world)
    return world
  }
  const listed = async ({ driver }: World): Promise<string[]> =>
    (await driver.list())
      .filter(({ leaving }) => leaving !== true)
      .map(({ id }) => id)
      .sort()
  const settles = (world: World, count: number) =>
    eventually(async () => {
      expect(world.up()).toHaveLength(count)
      expect(await listed(world)).toEqual([...world.up()].sort())
    })

  test('lists every node process by its node id', async () => {
    const world = await setup(3)
    expect(world.driver.driver).toBe(name)
    await settles(world, 3)
  })

  test('starts processes until a larger count is reached, counts ordered processes at once, and does not order a process twice', async () => {
    const world = await setup(2)
    await settles(world, 2)
    await world.driver.setCount(4, [])
    const count = world.driver.acts ? 4 : 2
    expect(await listed(world)).toHaveLength(count)
    await world.driver.setCount(4, [])
    await settles(world, count)
  })

  test('ends exactly the processes that were chosen to stop, and does not replace them when they have finished', async () => {
    const world = await setup(4)
    await settles(world, 4)
    const [victim = '', ...others] = world.up()
    await world.driver.setCount(3, [victim])
    if (!world.driver.acts) return settles(world, 4)
    await settles(world, 3)
    expect([...world.up()].sort()).toEqual(others.sort())
    await world.finish(victim)
    await world.driver.tidy()
    await settles(world, 3)
    expect([...world.up()].sort()).toEqual(others.sort())
  })

  test('starts another process when the count rises again while a process that was chosen to stop still works', async () => {
    const world = await setup(3)
    await settles(world, 3)
    const [victim = ''] = world.up()
    await world.driver.setCount(2, [victim])
    await world.driver.setCount(3, [])
    await settles(world, 3)
    if (!world.driver.acts) return
    expect(world.up()).not.toContain(victim)
    await world.finish(victim)
    await settles(world, 3)
  })

  test('starts another process when a process ends with exit code 0 and the count is unchanged', async () => {
    const world = await setup(2)
    await settles(world, 2)
    const [ended = '', other = ''] = world.up()
    await world.exit(ended)
    await settles(world, world.driver.acts ? 2 : 1)
    expect(world.up()).toContain(other)
  })

  test('starts exactly one other process in place of a replaced process, even when the driver is asked repeatedly', async () => {
    const world = await setup(2)
    await settles(world, 2)
    const [replaced = '', other = ''] = world.up()
    const answer = await world.driver.replace(replaced)
    expect(answer).toBe(world.driver.acts ? 'ordered' : 'gone')
    await eventually(() => expect(world.up().includes(replaced)).toBe(!world.driver.acts))
    await settles(world, 2)
    await world.driver.replace(replaced)
    await settles(world, 2)
    expect(world.up()).toContain(other)
  })

  test('starts exactly one other process in place of a process that retires, even when the driver is asked repeatedly', async () => {
    const world = await setup(2)
    await settles(world, 2)
    const [retired = '', other = ''] = world.up()
    await world.driver.retire(retired)
    await settles(world, 2)
    await world.driver.retire(retired)
    await settles(world, 2)
    expect(world.up()).toContain(other)
    if (!world.driver.acts) return
    expect(world.up()).not.toContain(retired)
    await world.finish(retired)
    await settles(world, 2)
  })

  test('reports an unknown process as gone, and does not act on it', async () => {
    const world = await setup(2)
    await settles(world, 2)
    const before = [...world.up()]
    expect(await world.driver.replace('no-such-node')).toBe('gone')
    expect(await world.driver.retire('no-such-node')).toBe('gone')
    await settles(world, 2)
    expect(world.up()).toEqual(before)
  })

  test('never reports a running process as gone', async () => {
    const world = await setup(1)
    await settles(world, 1)
    const view = await world.driver.inspect(world.up()[0] ?? '')
    expect(view?.gone ?? false).toBe(false)
  })

  test('fails each call at its deadline when the orchestrator does not answer', async () => {
    const world = await setup(1)
    await settles(world, 1)
    if (!world.driver.acts) return
    const [node = ''] = world.up()
    await world.silence()
    const startedMs = performance.now()
    const failure = { code: 'orchestrator-unavailable', retryable: true }
    const { driver } = world
    await Promise.all(
      [driver.list(), driver.setCount(2, []), driver.replace(node), driver.retire(node)].map(
        (call) => expect(call).rejects.toMatchObject(failure),
      ),
    )
    expect(performance.now() - startedMs).toBeLessThan(3 * CALL_WITHIN_MS)
  })
})

/** Real child processes behind the control API of a one-machine fleet. */
async function startLocal(count: number): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'orchestrator-'))
  const members = new Map<string, Member>()
  const pool = createPool({
    restart: true,
    async start(id) {
      const member = await startMember({
        id,
        kind: 'worker',
        script: fileURLToPath(new URL('fixtures/worker.mjs', import.meta.url)),
        env: {},
        logDir: dir,
        restart: false,
      })
      members.set(id, member)
      return member
    },
  })
  const control = await serveControl(pool, 'token')
  let url = control.url
  const silent = createServer(() => undefined)
  const connect = () =>
    createLocalOrchestrator({
      url,
      token: 'token',
      // The node answers and keeps working: it ends when the test says so.
      drain: async () => true,
      log,
      callWithinMs: CALL_WITHIN_MS,
    })
  let driver = connect()
  const end = async (id: string): Promise<void> => {
    const member = members.get(id)
    // Before the process is ready, the signal would kill it, and it would not exit with code 0.
    await member?.ready(WITHIN_MS)
    member?.kill('SIGTERM')
    expect((await member?.exited())?.code).toBe(0)
  }
  await pool.setCount(count)
  return {
    get driver() {
      return driver
    },
    up: () =>
      pool
        .workers()
        .filter(({ state }) => state === 'running')
        .map(({ id }) => id),
    finish: end,
    exit: end,
    async silence() {
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
      const address = silent.address()
      if (address === null || typeof address === 'string') throw new Error('no port')
      url = `http://127.0.0.1:${address.port}`
      driver = connect()
    },
    async close() {
      pool.close()
      await control.close()
      silent.closeAllConnections()
      silent.close()
      await Promise.all([...members.values()].map((member) => member.stop()))
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Pods of a Deployment behind an API server. */
async function startCluster(count: number): Promise<World> {
  const cluster = await startKubernetes(count)
  const driver = createKubernetesOrchestrator({
    api: connectKubernetes(cluster.target, CALL_WITHIN_MS),
    deployment: DEPLOYMENT,
    clock: systemClock,
    log,
    random: Math.random,
  })
  return {
    driver,
    up: cluster.names,
    finish: async (id) => cluster.remove(id),
    // The container exits and restarts in place: the pod stays.
    exit: async () => undefined,
    silence: async () => cluster.fault('silent', () => true),
    async close() {
      await driver.close()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

/** Nodes that another system runs. */
async function startRecommender(count: number): Promise<World> {
  let up = Array.from({ length: count }, (_, index) => `node-${index + 1}`)
  const end = async (id: string): Promise<void> => {
    up = up.filter((other) => other !== id)
  }
  return {
    driver: createRecommender(() => up.map((id) => ({ id, startedAtMs: 1 }))),
    up: () => up,
    finish: end,
    exit: end,
    silence: async () => undefined,
    close: async () => undefined,
  }
}
