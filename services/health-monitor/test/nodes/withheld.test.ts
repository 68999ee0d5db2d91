import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { namesOf, startWorld, type World } from '../support.ts'

/** Deaths are withheld while the monitor cannot distinguish a failed node from a failed network. */
let world: World
beforeAll(async () => {
  world = await startWorld({ settled: true })
})
afterAll(() => world[Symbol.asyncDispose]())

describe('no death is declared', () => {
  test('while a third of the fleet is silent at once', async () => {
    const nodes = await Promise.all(namesOf('mass-', 6).map((id) => world.node(id)))
    await world.until(() => world.last('mass-5')?.state === 'alive')
    const diedAtMs = performance.now()
    await Promise.all(nodes.map((node) => node.crash()))
    // In the end every silent node dies; the last death ends the test.
    await world.until(() => namesOf('mass-', 6).every((id) => world.deathsOn(id).length > 0))
    for (const id of namesOf('mass-', 6)) {
      expect(world.deathsOn(id)[0]!.seenAtMs - diedAtMs).toBeGreaterThan(4_000)
    }
  })

  test('while the broker pauses for seconds or restarts', async () => {
    const before = world.deaths.length
    world.nats.kill('SIGSTOP')
    const stoppedAtMs = performance.now()
    await world.until(() => performance.now() - stoppedAtMs > 4_000)
    world.nats.kill('SIGCONT')
    await world.nextSnapshots(6)
    await world.nats.stop('SIGKILL')
    await world.nats.restart()
    await world.until(() => world.watcher.connected())
    await world.nextSnapshots(14)
    expect(world.deaths.slice(before)).toEqual([])
    expect(world.last('steady-0')?.state).toBe('alive')
  })
})
