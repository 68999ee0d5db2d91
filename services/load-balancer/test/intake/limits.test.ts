import { giverOf, type Heartbeat, type NodeTenants, type Pointer } from '@agentfleet/protocol'
import { array, assert as check, constantFrom, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { ANNOUNCE_EVERY_MS, ANNOUNCE_VALID_MS, createPeers } from '../../src/intake/peers.ts'
import { createTenantShares } from '../../src/intake/tenant-shares.ts'
import type { Held } from '../../src/placing/in-hand.ts'
import type { InflightNotes } from '../../src/placing/inflight-notes.ts'

/** Load balancers and nodes of a whole fleet with two tenants, in which everything may happen at any time. */

const LIMITS = { acme: 3, other: 2 } as const
type Tenant = keyof typeof LIMITS
const TENANTS: readonly Tenant[] = ['acme', 'other']
const NODES = ['n1', 'n2'] as const

interface Task {
  readonly id: string
  readonly tenant: Tenant
}

interface Balancer {
  readonly id: string
  readonly since: number
  readonly peers: ReturnType<typeof createPeers>
  readonly shares: ReturnType<typeof createTenantShares>
  readonly notes: InflightNotes
  hand: Task[]
  paused: boolean
  /** What it has yet to read. */
  unread: (() => void)[]
  /** What the nodes have answered to its open question. */
  answers: { readonly nodes: NodeTenants[]; readonly complete: boolean } | undefined
}

const NOTES: InflightNotes = {
  dispatched: () => undefined,
  ended: () => undefined,
  returned: () => undefined,
  nodeGone: () => undefined,
  sweep: () => undefined,
  flush: () => Promise.resolve(),
}

const pointerOf = ({ id, tenant }: Task): Pointer => ({
  taskId: id,
  tenant,
  seq: 1,
  cpu: 'low',
  memory: 'low',
  deadlineAtMs: 0,
  reissue: false,
})

const heldOf = (task: Task): Held => ({
  pointer: pointerOf(task),
  priority: 'medium',
  ackSubject: 'ack',
  running: false,
  fenced: false,
  runsAt: undefined,
  why: undefined,
  issued: false,
  heldSinceMs: 0,
})

function createFleet() {
  let nowMs = 10_000
  let made = 0
  let balancers: Balancer[] = []
  const nodes = new Map(NODES.map((id) => [id, new Map<string, Task & { giver: string }>()]))
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs }

  const hears = (balancer: Balancer, read: () => void): void => {
    if (balancer.paused) balancer.unread.push(read)
    else read()
  }
  const announce = (balancer: Balancer): void => {
    balancer.shares.announced()
    for (const one of balancers) {
      if (one === balancer) continue
      hears(one, () => {
        if (one.peers.heard({ id: balancer.id, since: balancer.since, room: true })) announce(one)
      })
    }
  }
  const hearNodes = ({ shares }: Balancer): void => {
    for (const [nodeId, { size }] of nodes)
      shares.heartbeat({ nodeId, incarnation: 1, active: size, queued: 0 } as Heartbeat)
  }
  const task = (tenant: Tenant): Task => ({ id: `t${(made += 1)}`, tenant })
  const running = (tenant: Tenant): number =>
    [...nodes.values()].reduce(
      (sum, tasks) => sum + [...tasks.values()].filter((one) => one.tenant === tenant).length,
      0,
    )

  const fleet = {
    running,
    balancers: () => balancers,
    join(): void {
      if (balancers.length === 3) return
      const since = (nowMs += 1)
      const id = `lb${balancers.length + 1}-${(made += 1)}`
      const peers = createPeers({ id, since }, clock)
      const shares = createTenantShares({
        allowances: new Map(
          TENANTS.map((tenant) => [tenant, { weight: 1, concurrency: LIMITS[tenant] }]),
        ),
        balancers: peers.balancers,
        monotonicMs: clock.monotonicMs,
      })
      const rest = { hand: [], paused: false, unread: [], answers: undefined }
      const balancer = { id, since, peers, shares, notes: shares.counting(NOTES), ...rest }
      balancers.push(balancer)
      announce(balancer)
    },
    kill(balancer: Balancer): void {
      if (balancers.length > 1) balancers = balancers.filter((one) => one !== balancer)
    },
    pass(ms: number): void {
      for (let left = ms; left > 0; left -= ANNOUNCE_EVERY_MS) {
        nowMs += ANNOUNCE_EVERY_MS
        for (const balancer of balancers) {
          if (balancer.paused) continue
          announce(balancer)
          hearNodes(balancer)
        }
      }
    },
    wake(balancer: Balancer): void {
      if (!balancer.paused) return
      balancer.paused = false
      announce(balancer)
      for (const read of balancer.unread.splice(0)) read()
      hearNodes(balancer)
    },
    /** Pointers arrive for which there were places when they were requested. */
    arrive({ shares, hand }: Balancer, tenant: Tenant, count: number): void {
      while (hand.filter((one) => one.tenant === tenant).length < count) {
        const one = task(tenant)
        shares.fetched(one.id, tenant)
        hand.push(one)
      }
    },
    handOver({ shares, hand }: Balancer, tenant: Tenant): void {
      const one = task(tenant)
      const { within } = shares.admit([{ priority: 'medium', pointer: pointerOf(one) }])
      if (within.length > 0) hand.push(one)
    },
    place(balancer: Balancer, at: number, refused: boolean): void {
      const { shares, notes } = balancer
      const hand = balancer.hand
      balancer.hand = []
      for (const one of hand) {
        const nodeId = NODES[at % NODES.length]!
        if (shares.placesLeft(one.tenant) < 1) balancer.hand.push(one)
        else {
          notes.dispatched(heldOf(one), nodeId)
          if (refused) {
            notes.returned([one.id])
            balancer.hand.push(one)
          } else nodes.get(nodeId)!.set(one.id, { ...one, giver: giverOf(balancer) })
        }
      }
    },
    end(at: number): void {
      const all = [...nodes].flatMap(([nodeId, tasks]) =>
        [...tasks.keys()].map((id) => ({ nodeId, id })),
      )
      const one = all[at % Math.max(1, all.length)]
      if (one === undefined) return
      nodes.get(one.nodeId)!.delete(one.id)
      for (const balancer of balancers)
        hears(balancer, () => balancer.notes.ended([one.id], one.nodeId))
    },
    ask(balancer: Balancer, missing: number): void {
      // A new load balancer counts once it has heard the others, or they are silent.
      if (nowMs - balancer.since <= ANNOUNCE_VALID_MS) return
      balancer.shares.asking()
      const answered = [...nodes].filter((_, at) => at !== missing)
      const answers = answered.map(([nodeId, tasks]): NodeTenants => {
        const tenants: Record<string, number> = {}
        const givers: Record<string, Record<string, number>> = {}
        for (const { tenant, giver } of tasks.values()) {
          tenants[tenant] = (tenants[tenant] ?? 0) + 1
          const given = (givers[giver] ??= {})
          given[tenant] = (given[tenant] ?? 0) + 1
        }
        return { nodeId, tenants, givers }
      })
      const silent = [...nodes].find((_, at) => at === missing)
      balancer.answers = { nodes: answers, complete: (silent?.[1].size ?? 0) === 0 }
    },
    tally(balancer: Balancer): void {
      const { answers, shares } = balancer
      if (answers === undefined) return
      balancer.answers = undefined
      const inFlight = new Map<string, number>()
      for (const tenant of TENANTS) {
        const inHand = balancers.flatMap(({ hand }) => hand).filter((one) => one.tenant === tenant)
        inFlight.set(tenant, running(tenant) + inHand.length)
      }
      for (const node of answers.nodes) shares.runs(node)
      shares.tally(inFlight, answers.complete)
    },
  }
  fleet.join()
  return fleet
}

const step = record({
  kind: constantFrom(
    ...(['fill', 'fill', 'fill', 'count', 'count', 'count', 'pass', 'pass', 'end'] as const),
    ...(['handOver', 'refuse', 'ask', 'tally', 'join', 'kill', 'pause', 'wake'] as const),
  ),
  at: integer({ min: 0, max: 5 }),
  tenant: constantFrom(...TENANTS),
})

test('PLACE-2: no tenant has more tasks on nodes than its limit, whatever load balancers and nodes do, and all places can be used again', () => {
  check(
    property(array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const fleet = createFleet()
      const settle = (): void => {
        for (const balancer of fleet.balancers()) fleet.wake(balancer)
        while (TENANTS.some((one) => fleet.running(one) > 0)) fleet.end(0)
        for (let round = 0; round < 3; round += 1) {
          fleet.pass(2_000)
          for (const balancer of fleet.balancers()) {
            fleet.ask(balancer, -1)
            fleet.tally(balancer)
          }
        }
      }
      for (const { kind, at, tenant } of steps) {
        const all = fleet.balancers()
        const balancer = all[at % all.length]!
        if (kind === 'pass') fleet.pass(at * 400)
        else if (kind === 'join') fleet.join()
        else if (kind === 'end') fleet.end(at)
        else if (kind === 'wake') fleet.wake(balancer)
        else if (kind === 'kill') fleet.kill(balancer)
        else if (balancer.paused) continue
        else if (kind === 'pause') balancer.paused = true
        else if (kind === 'ask') fleet.ask(balancer, at - 1)
        else if (kind === 'tally') fleet.tally(balancer)
        else if (kind === 'count') {
          fleet.ask(balancer, at - 1)
          fleet.tally(balancer)
        } else {
          if (kind === 'handOver') fleet.handOver(balancer, tenant)
          else for (const one of TENANTS) fleet.arrive(balancer, one, 2)
          fleet.place(balancer, at, kind === 'refuse')
        }
        for (const one of TENANTS) expect(fleet.running(one)).toBeLessThanOrEqual(LIMITS[one])
      }
      settle()
      for (const one of TENANTS) {
        const left = fleet.balancers().map(({ shares }) => shares.placesLeft(one))
        expect(left.reduce((sum, places) => sum + places, 0)).toBe(LIMITS[one])
      }
    }),
    { numRuns: 1_000 },
  )
})
