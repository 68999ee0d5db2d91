import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type World } from '../support.ts'

/** How soon a death is noticed; `npm test` checks that it is noticed. */
let world: World
beforeAll(async () => {
  world = await startWorld({ settled: true })
})
afterAll(() => world[Symbol.asyncDispose]())

/** The target is 1.6 s; a busy test machine gets more. */
const DETECTED_MS = 2_500
/** A frozen node looks like one that pauses, so the target is 3.35 s. */
const DETECTED_FROZEN_MS = 4_300

describe('the death of a node is noticed soon', () => {
  test('when the connection of the node is gone', async () => {
    const node = await world.node('crash')
    await world.until(() => world.last('crash')?.state === 'alive')
    const diedAtMs = await node.crash()
    await world.until(() => world.deathsOn('crash').length > 0)
    expect(world.deathsOn('crash')[0]!.seenAtMs - diedAtMs).toBeLessThan(DETECTED_MS)
  })

  test('when the node is frozen with its connection open', async () => {
    const node = await world.node('frozen')
    await world.until(() => world.last('frozen')?.state === 'alive')
    const frozenAtMs = node.freeze()
    await world.until(() => world.deathsOn('frozen').length > 0)
    expect(world.deathsOn('frozen')[0]!.seenAtMs - frozenAtMs).toBeLessThan(DETECTED_FROZEN_MS)
  })
})
