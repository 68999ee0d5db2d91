import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { medium, pointerOf, pointersOf, SOON_MS, startWorld } from '../support.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => world.clear())
afterAll(() => world[Symbol.asyncDispose]())

describe('a task that a gateway hands over directly', () => {
  it('is dispatched without a pointer and never gets one if it ends at once', async () => {
    const node = await world.node('w1')
    await world.balancer('lb1', 1)
    const pointer = pointerOf()
    world.fresh([medium(pointer)])
    await eventually(() => expect(node.taken).toHaveLength(1), SOON_MS)
    node.finishAll()
    expect(node.taken[0]).toMatchObject({ taskId: pointer.taskId, fenced: false, balancer: 'lb1' })
    expect(node.taken[0]?.ackSubject).toBeUndefined()
    // The next task keeps running: once it has its pointer, the first would long have had one.
    const second = pointerOf()
    world.fresh([medium(second)])
    await eventually(() => expect(node.taken).toHaveLength(3), SOON_MS)
    expect([...(await world.pointers.taskIds())]).toEqual([second.taskId])
  })

  it('is dispatched with the reason of its placement, and a batch contains the reason only once', async () => {
    const node = await world.node('w1')
    await world.balancer('lb1', 1)
    world.fresh(pointersOf(5).map(medium))
    await eventually(() => expect(node.taken).toHaveLength(5), SOON_MS)
    const [dispatch] = node.dispatches
    expect(dispatch?.placed?.reason).toMatch(/^only-candidate of 1 nodes: w1 [\d.]+ \(10 free\)$/)
    expect(dispatch?.placed?.considered).toBe(1)
    expect(Math.abs(Date.now() - (dispatch?.placed?.atMs ?? 0))).toBeLessThan(SOON_MS)
    expect(dispatch?.items.every((item) => item?.reason === undefined)).toBe(true)
  })

  it('gets a pointer, for which its node then renews the lease, and an in-flight note if it still runs after 200 ms', async () => {
    const node = await world.node('w1')
    const other = await world.node('w2')
    await world.balancer('lb1', 2)
    const pointer = pointerOf()
    world.fresh([medium(pointer)])
    const at = await eventually(() => {
      const found = [node, other].find(({ taken }) => taken.length === 2)
      expect(found).toBeDefined()
      return found!
    }, SOON_MS)
    expect(at.taken[1]).toMatchObject({ taskId: pointer.taskId, fenced: true, why: 'runs-there' })
    expect(at.taken[1]?.ackSubject).toMatch(/^\$JS\.ACK\.TASKS\.balance-running\./)
    expect(at.taken[1]?.spec).toBeUndefined()
    await eventually(
      async () =>
        expect(await world.store.inflightOf(at.id)).toEqual([
          { taskId: pointer.taskId, nodeId: at.id, ackSubject: at.taken[1]?.ackSubject },
        ]),
      SOON_MS,
    )
    expect(await world.pointers.has('running', 'acme', pointer.taskId)).toBe(true)
    at.finishAll()
    await eventually(
      async () => expect(await world.pointers.has('running', 'acme', pointer.taskId)).toBe(false),
      SOON_MS,
    )
  })

  it('starts through the coordinator (a fenced start) on another node if the first node does not confirm the pointer', async () => {
    const nodes = [await world.node('w1'), await world.node('w2')]
    await world.balancer('lb1', 2)
    const pointer = pointerOf()
    world.fresh([medium(pointer)])
    const first = await eventually(() => {
      const found = nodes.find(({ taken }) => taken.length > 0)
      expect(found).toBeDefined()
      return found!
    }, SOON_MS)
    first.answer('refuses')
    first.say({ draining: true })
    const second = nodes.find((node) => node !== first)!
    await eventually(() => expect(second.taken).toHaveLength(1), SOON_MS)
    expect(second.taken[0]).toMatchObject({ taskId: pointer.taskId, fenced: true })
    expect(second.taken[0]?.ackSubject).toBeDefined()
  })

  it('becomes a pointer when it comes so late that a coordinator may have issued one, and the server refuses a second one (L3, L8)', async () => {
    const node = await world.node('w1')
    await world.balancer('lb1', 1)
    // Both were stored 2 s ago: the load balancer stood still, and the handovers waited in its socket.
    const [lost, repaired] = pointersOf(2, { deadlineAtMs: Date.now() - 2_000 + 60_000 })
    const { spec: _, ...without } = repaired!
    await world.issue([{ ...without, reissue: true }], 'medium')
    world.fresh([medium(repaired!), medium(lost!)])
    await eventually(() => expect(node.taken).toHaveLength(2), SOON_MS)
    expect(node.taken.map(({ fenced }) => fenced)).toEqual([true, true])
    expect(node.taken.every(({ ackSubject }) => ackSubject !== undefined)).toBe(true)
    const ids = new Set(node.taken.map(({ taskId }) => taskId))
    expect(ids).toEqual(new Set([lost!.taskId, repaired!.taskId]))
  })

  it('starts only through its pointer if it waits for its node so long that a coordinator may have issued one (L3, L8)', async () => {
    const node = await world.node('w1')
    await world.balancer('lb1', 1)
    const release = node.hold()
    world.fresh([medium(pointerOf())])
    await eventually(() => expect(node.dispatches).toHaveLength(1), SOON_MS)
    // It becomes overdue while the first dispatch has no answer.
    const submittedAtMs = Date.now() - 1_000
    const waiting = pointerOf({ deadlineAtMs: submittedAtMs + 60_000 })
    world.fresh([medium(waiting)])
    const has = () => world.pointers.has('running', 'acme', waiting.taskId)
    await eventually(async () => expect(await has()).toBe(true), SOON_MS)
    await eventually(() => expect(Date.now() - submittedAtMs).toBeGreaterThan(1_500), SOON_MS)
    release()
    const starts = () => node.taken.filter(({ taskId }) => taskId === waiting.taskId)
    await eventually(() => expect(starts().length).toBeGreaterThan(0), SOON_MS)
    expect(starts()).toMatchObject([{ fenced: true }])
    expect(starts()[0]?.ackSubject).toBeDefined()
  })

  it('has one pointer and one start when its node falls silent before it is sent (L8)', async () => {
    const silent = await world.node('w1', { answers: 'silent' })
    const node = await world.node('w2')
    // By its figures w2 is full, so both tasks go to w1.
    node.say({ active: 10 })
    const balancer = await world.balancer('lb1', 2)
    world.fresh([medium(pointerOf())])
    await eventually(() => expect(silent.dispatches).toHaveLength(1), SOON_MS)
    // With this deadline it is not overdue.
    const waiting = pointerOf({ deadlineAtMs: Date.now() + 3_600_000 })
    world.fresh([medium(waiting)])
    const has = (queue: 'running' | 'medium', { taskId }: typeof waiting) =>
      world.pointers.has(queue, 'acme', taskId)
    await eventually(async () => expect(await has('running', waiting)).toBe(true), SOON_MS)
    await silent.crash()
    await eventually(
      async () => expect(await balancer.page()).toMatch(/dispatches_total\{.*timeout.*\} 1/),
      SOON_MS,
    )
    const later = pointerOf()
    world.fresh([medium(later)])
    await eventually(async () => expect(await has('medium', later)).toBe(true), SOON_MS)
    expect(await has('medium', waiting)).toBe(false)
    node.say({ active: 0 })
    await eventually(() => expect(node.taken).toHaveLength(3), SOON_MS)
    expect(new Set(node.taken.map(({ taskId }) => taskId)).size).toBe(3)
    expect(node.taken.every(({ ackSubject }) => ackSubject !== undefined)).toBe(true)
  })

  it('becomes a pointer in its queue when no node has room, and the gateways learn that the load balancer has no room', async () => {
    const node = await world.node('w1', { slots: 2 })
    await world.balancer('lb1', 1)
    await eventually(
      () => expect(world.hints.at(-1)).toMatchObject({ id: 'lb1', room: true }),
      SOON_MS,
    )
    const given = pointersOf(5)
    world.fresh(given.map((pointer) => ({ priority: 'high', pointer }) as const))
    await eventually(() => expect(node.taken).toHaveLength(2), SOON_MS)
    await eventually(
      () => expect(world.hints.at(-1)).toMatchObject({ id: 'lb1', room: false }),
      SOON_MS,
    )
    const waiting = given.slice(2)
    await eventually(async () => {
      const has = waiting.map(({ tenant, taskId }) => world.pointers.has('high', tenant, taskId))
      expect(await Promise.all(has)).toEqual([true, true, true])
    }, SOON_MS)
    // The tasks arrive as slots become free; then new ones are accepted again.
    await eventually(() => {
      node.finishAll()
      expect(new Set(node.taken.map(({ taskId }) => taskId)).size).toBe(5)
    }, SOON_MS)
    await eventually(() => expect(world.hints.at(-1)?.room).toBe(true), SOON_MS)
  })
})
