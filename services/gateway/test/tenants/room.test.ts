import type { TenantLimits } from '@agentfleet/domain'
import { CHANNELS, type Holdings } from '@agentfleet/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTenantRoom } from '../../src/tenants/room.ts'
import { setup } from '../support.ts'

const BYTES = 1_000
const TASK_BYTES = 2_000
const TENANTS = ['a', 'b', 'c']

type Heard = (holdings: Holdings) => void

/** Gateways that hear what the test announces. */
function gateways(count: number, limits: TenantLimits = new Map(), tenants = TENANTS.length) {
  const handlers: Heard[] = []
  let nowMs = 0
  const bus = {
    on(_channel: unknown, handler: Heard) {
      handlers.push(handler)
      return { close: () => undefined }
    },
  } as Parameters<typeof createTenantRoom>[0]['bus']
  const rooms = Array.from({ length: count }, (_, index) =>
    createTenantRoom({
      bus,
      id: `g${index}`,
      limits,
      tenants: () => tenants,
      submissionsMax: 1_000_000,
      monotonicMs: () => nowMs,
      submissionsMaxBytes: 100 * BYTES,
    }),
  )
  return {
    rooms,
    announce(change: Partial<Holdings>) {
      const nothing = { bytes: 0, maxBytes: 0 }
      const base = { seq: 0, gateways: count, log: nothing, redis: nothing, tasks: 0, ended: 0 }
      for (const handler of handlers) handler({ ...base, tenants: [], ...change })
    },
  }
}

test('the refusal of a tenant over its share of the log contains the amounts, and another tenant is not refused', () => {
  const { rooms, announce } = gateways(1)
  const [room] = rooms
  announce({
    log: { bytes: 600_000, maxBytes: 1_000_000 },
    tenants: [{ tenant: 'a', tasks: 1, ended: 9, bytes: 500_000 }],
  })
  const refusal = room!.enter('a', BYTES)
  expect(refusal).toMatchObject({ code: 'tenant-share' })
  expect(refusal?.message).toContain('You hold 500000 bytes of the log')
  expect(refusal?.message).toContain('400000')
  expect(room!.enter('b', BYTES)).toBeUndefined()
})

test('the submissions of a tenant that wait for the answer of the log take at most half of the bytes that other tenants leave free (L7)', () => {
  const [room] = gateways(1).rooms
  for (let at = 0; at < 50; at += 1) expect(room!.enter('a', BYTES)).toBeUndefined()
  expect(room!.enter('a', BYTES)).toMatchObject({ code: 'tenant-share' })
  expect(room!.enter('b', BYTES)).toBeUndefined()
  room!.leave('a', BYTES, undefined)
  room!.leave('a', BYTES, undefined)
  expect(room!.enter('a', BYTES)).toBeUndefined()
})

test('a limit that an operator sets for a tenant counts the unfinished tasks of the tenant', () => {
  const { rooms, announce } = gateways(1, new Map([['a', { weight: 1, tasks: 2 }]]), 1)
  const [room] = rooms
  announce({ tasks: 1, tenants: [{ tenant: 'a', tasks: 1, ended: 50, bytes: 1 }] })
  expect(room!.enter('a', BYTES)).toBeUndefined()
  expect(room!.enter('a', BYTES)).toMatchObject({ code: 'tenant-limit' })
  room!.leave('a', BYTES, undefined)
  expect(room!.enter('a', BYTES)).toBeUndefined()
})

test('a task that a gateway has admitted counts there until a coordinator has announced counts that include the position of the task in the log', () => {
  const { rooms, announce } = gateways(1, new Map([['a', { weight: 1, tasks: 1 }]]), 1)
  const [room] = rooms
  announce({ seq: 10 })
  expect(room!.enter('a', BYTES)).toBeUndefined()
  room!.leave('a', BYTES, 12)
  announce({ seq: 11 })
  expect(room!.enter('a', BYTES)).toMatchObject({ code: 'tenant-limit' })
  // The task has ended meanwhile.
  announce({ seq: 12 })
  expect(room!.enter('a', BYTES)).toBeUndefined()
})

/** One event of a fleet: a gateway admits a task of a tenant, or a coordinator announces. */
const histories = fc.array(
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({ gateway: fc.nat(2), tenant: fc.constantFrom(...TENANTS) }),
    },
    { weight: 1, arbitrary: fc.record({ behind: fc.nat(5) }) },
  ),
  { maxLength: 400 },
)

test("several gateways together never exceed the share of a tenant, even if the coordinator's announced counts arrive late", () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { rooms, announce } = gateways(3)
      const maxBytes = 100_000
      const stored: string[] = []
      const announceUpTo = (seq: number) => {
        const known = stored.slice(0, seq)
        const tenants = TENANTS.map((tenant) => {
          const tasks = known.filter((each) => each === tenant).length
          return { tenant, tasks, ended: 0, bytes: tasks * TASK_BYTES }
        })
        const log = { bytes: known.length * TASK_BYTES, maxBytes }
        announce({ seq, log, tasks: known.length, tenants })
      }
      announceUpTo(0)
      for (const each of history) {
        if ('behind' in each) {
          announceUpTo(Math.max(0, stored.length - each.behind))
          continue
        }
        const room = rooms[each.gateway]!
        if (room.enter(each.tenant, TASK_BYTES) !== undefined) continue
        stored.push(each.tenant)
        room.leave(each.tenant, TASK_BYTES, stored.length)
        const own = stored.filter((tenant) => tenant === each.tenant).length * TASK_BYTES
        // Nothing leaves the log here, so a tenant's part only shrinks by what others take later.
        expect(own).toBeLessThanOrEqual((maxBytes * 0.9) / 2)
      }
    }),
    { seed: 20_261_128, numRuns: 200 },
  )
})

/** One event: a gateway admits a task, the log stores one of the tasks under way, or a coordinator announces. */
const moves = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ gateway: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ stores: fc.nat(1_000) }) },
    { weight: 2, arbitrary: fc.constant({ announces: true }) },
  ),
  { maxLength: 400, size: 'max' },
)

test('several gateways together never exceed the limit of a tenant, in whatever order the log stores their tasks (QUOTA-1)', () => {
  fc.assert(
    fc.property(
      moves,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 4 }),
      (all, tasks, count) => {
        const { rooms, announce } = gateways(count, new Map([['a', { weight: 1, tasks }]]), 1)
        let waiting: { room: (typeof rooms)[number]; since: number }[] = []
        let [admitted, stored, rounds] = [0, 0, 0]
        const store = (each: (typeof waiting)[number]) => {
          waiting = waiting.filter((other) => other !== each)
          stored += 1
          each.room.leave('a', BYTES, stored)
        }
        const say = () => {
          const held = { tenant: 'a', tasks: stored, ended: 0, bytes: stored }
          announce({ seq: stored, first: 'g0', tasks: stored, tenants: [held] })
        }
        say()
        for (const move of all) {
          if ('gateway' in move) {
            const room = rooms[move.gateway % count]!
            if (room.enter('a', BYTES) !== undefined) continue
            admitted += 1
            waiting.push({ room, since: rounds })
            expect(admitted).toBeLessThanOrEqual(tasks)
          } else if ('stores' in move) {
            const each = waiting[move.stores % Math.max(1, waiting.length)]
            if (each !== undefined) store(each)
          } else {
            rounds += 1
            // The log stores every task within a few announcements.
            for (const each of waiting.filter(({ since }) => since + 4 < rounds)) store(each)
            say()
          }
        }
        // Later all places can be used, by the first gateway the last of them.
        while (waiting.length > 0) store(waiting[0]!)
        for (let round = 0; round < 200; round += 1) {
          say()
          for (const room of rooms) {
            if (room.enter('a', BYTES) !== undefined) continue
            admitted += 1
            stored += 1
            room.leave('a', BYTES, stored)
          }
        }
        expect(admitted).toBe(tasks)
      },
    ),
    { seed: 15, numRuns: 100 },
  )
})

test('a gateway refuses the tasks of a tenant over its share with 429 and accepts the tasks of other tenants', async () => {
  const keys = { busy: 'busy-key-0123456789', quiet: 'quiet-key-0123456789' }
  await using bench = await setup({ API_KEYS: `busy:${keys.busy},quiet:${keys.quiet}` })
  const coordinator = await bench.servers.connect('coordinator')
  const nothing = { bytes: 0, maxBytes: 0 }
  coordinator.send(CHANNELS.holdings, {
    seq: 1,
    gateways: 1,
    log: { bytes: 700_000, maxBytes: 1_000_000 },
    redis: nothing,
    tasks: 1,
    ended: 0,
    tenants: [{ tenant: 'busy', tasks: 1, ended: 0, bytes: 700_000 }],
  })
  const busy = bench.client(keys.busy)
  await expect
    .poll(
      () =>
        busy.submit({ task: 'x' }).then(
          () => 'accepted',
          (error: unknown) => error,
        ),
      { timeout: 5_000 },
    )
    .toMatchObject({ problem: { status: 429, code: 'tenant-share' } })
  const view = await bench.client(keys.quiet).submit({ task: 'x' })
  expect(view.state).toBe('queued')
})
