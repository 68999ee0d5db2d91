import { once } from 'node:events'
import { spawn, type ChildProcess } from 'node:child_process'
import { bundlePrograms, mainOf } from '@agentfleet/local'
import type { Decision } from '@agentfleet/protocol'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startWorld } from './support.ts'

/** Two processes with production settings, against real Consul and NATS. */
let world: Awaited<ReturnType<typeof startWorld>>
const processes = new Map<string, ChildProcess>()
const MAIN = mainOf('services/autoscaler')
/** Milliseconds; the shortest time to live that Consul allows. */
const TTL_MS = 10_000
/**
 * Consul keeps a dead session for up to two TTLs and its lock for one more second; replicas check
 * once a second.
 */
const TAKEN_OVER_WITHIN_MS = 2 * TTL_MS + 2_000

beforeAll(async () => {
  await bundlePrograms()
  world = await startWorld()
}, 300_000)
afterAll(async () => {
  for (const child of processes.values()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await world?.[Symbol.asyncDispose]()
})

function start(id: string): void {
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    stdio: 'ignore',
    env: {
      SERVICE_ID: id,
      NATS_URL: world.nats.url,
      NATS_USER: 'autoscaler',
      NATS_PASSWORD: 'autoscaler',
      CONSUL_URL: world.consul.url,
      DRIVER: 'local',
      ORCHESTRATOR_URL: world.pool.url,
      ORCHESTRATOR_TOKEN: world.token,
      SCALE_INTERVAL_MS: '200',
      LOG_LEVEL: 'error',
    },
  })
  processes.set(id, child)
}
const by = (id: string): readonly Decision[] => world.decisions.filter((one) => one.by === id)
const until = (holds: () => boolean, timeout: number) =>
  vi.waitUntil(holds, { timeout, interval: 20 })

test('another autoscaler takes over when the lock of a killed leader has expired, scales once and keeps the cooldown', async () => {
  world.pool.reset(2)
  world.tell({ running: 340 })
  start('first')
  await until(() => by('first').some(({ acted }) => acted), 30_000)
  start('second')
  // The follower observes: both replicas ask the control API.
  const { counts } = world.pool
  expect(counts).toEqual([4])
  const changedAtMs = by('first').find(({ acted }) => acted)?.inputs['scaledOutAtMs']
  await until(() => by('first').some(({ reason }) => reason === 'on-target'), 15_000)
  const looks = world.pool.lists()
  await until(() => world.pool.lists() > looks + 20, 15_000)
  expect(by('second')).toEqual([])
  processes.get('first')?.kill('SIGKILL')
  const killedAtMs = performance.now()
  await until(() => by('second').length > 0, TAKEN_OVER_WITHIN_MS + TTL_MS)
  const tookMs = performance.now() - killedAtMs
  console.info(`the other led ${Math.round(tookMs)} ms after the kill`)
  expect(tookMs).toBeLessThan(TAKEN_OVER_WITHIN_MS)
  // The next leader also starts from the last change of the killed one.
  expect(by('second')[0]?.inputs['scaledOutAtMs']).toBe(changedAtMs)
  expect(counts).toEqual([4])
  expect(world.decisions.filter(({ acted }) => acted).length).toBe(1)
  // The new leader acts.
  world.tell({ running: 500 })
  await until(() => by('second').some(({ acted }) => acted), 30_000)
  expect(counts.at(-1)).toBeGreaterThanOrEqual(6)
}, 120_000)
