import { openPointerAcks, type Bus } from '@agentfleet/adapters'
import { reservationOf, type Level } from '@agentfleet/domain'
import {
  type Heartbeat,
  type Dispatch,
  type DispatchItem,
  CHANNELS,
  giverOf,
  type DispatchReply,
} from '@agentfleet/protocol'

/** A task as a node got it. */
export interface Taken extends DispatchItem {
  readonly balancer: string
  readonly why: string
  readonly considered: number
  readonly atMs: number
}

/** How a node answers dispatches. */
export type Answers = 'takes' | 'refuses' | 'silent'

/** The options of a node. */
export interface NodeOptions {
  readonly slots?: number
  readonly answers?: Answers
  /** Milliseconds since its start. */
  readonly ageMs?: number
  /** How far its clock is ahead, milliseconds. */
  readonly aheadMs?: number
}

/** A worker node played over the real bus: heartbeats, and answers to dispatches. */
export interface TestNode {
  readonly id: string
  /** All accepted tasks and all received dispatches. */
  readonly taken: readonly Taken[]
  readonly dispatches: readonly Dispatch[]
  heartbeat(): Heartbeat
  answer(answers: Answers): void
  /** Changes the figures in its answers to dispatches, but not in its reports. */
  lie(change: Partial<Heartbeat>): void
  /** Leaves dispatches unread until the returned function is called. */
  hold(): () => void
  /** Ends tasks: acknowledges their pointers and reports them in a load message. */
  finish(taskIds: readonly string[]): void
  /** The oldest that runs. */
  finishOne(): void
  /** Everything that runs. */
  finishAll(): void
  running(): number
  /** Changes its figures and sends them. */
  say(change: Partial<Heartbeat>): void
  /** Crashes the node: its connection closes at once, and Consul still lists it. */
  crash(): Promise<void>
  /** Removes the node completely. */
  remove(): Promise<void>
}

const HEARTBEAT_EVERY_MS = 200
const HOUR_MS = 3_600_000

/** Starts to send heartbeats and to listen. */
export function startNode(
  id: string,
  bus: Bus,
  deregister: () => Promise<void>,
  { slots = 10, answers: first = 'takes', ageMs = HOUR_MS, aheadMs = 0 }: NodeOptions,
): TestNode {
  const acks = openPointerAcks(bus, id)
  const taken: Taken[] = []
  const dispatches: Dispatch[] = []
  const running = new Map<string, DispatchItem>()
  const giverBy = new Map<string, string>()
  const startedAtMs = Date.now() - ageMs
  let change: Partial<Heartbeat> = {}
  let answers = first
  let version = 0
  let completed = 0
  let gone = false
  let held: Promise<void> | undefined
  let lies: Partial<Heartbeat> = {}

  const units = (of: 'cpu' | 'memory'): number =>
    [...running.values()].reduce((sum, item) => {
      const level: Level = item.spec?.[of] ?? item[of] ?? 'medium'
      return sum + reservationOf(level, slots)
    }, 0)
  const heartbeat = (): Heartbeat => {
    version += 1
    const figures = {
      slots,
      active: running.size,
      queued: 0,
      cpu: 0.1,
      memory: 0.1,
      memoryBytes: 1,
    }
    const rest = { lagMs: 0, responseMs: 0, completed, failed: 0, draining: false, startedAtMs }
    const reserved = { reservedCpu: units('cpu'), reservedMemory: units('memory') }
    return {
      nodeId: id,
      incarnation: startedAtMs,
      version,
      ...figures,
      ...rest,
      atMs: Date.now() + aheadMs,
      ...reserved,
      ...change,
    }
  }
  const say = (ended: readonly string[]): void => {
    if (!gone) bus.send(CHANNELS.load, { ...heartbeat(), ended: [...ended] }, { nodeId: id })
  }
  const takes = (item: DispatchItem): boolean =>
    answers === 'takes' && (running.has(item.taskId) || running.size < slots)

  const take = (dispatch: Dispatch): Promise<DispatchReply> | DispatchReply => {
    dispatches.push(dispatch)
    if (answers === 'silent') return new Promise(() => undefined)
    return held === undefined ? accept(dispatch) : held.then(() => accept(dispatch))
  }
  const accept = (dispatch: Dispatch): DispatchReply => {
    let accepted = 0
    for (const item of dispatch.items) {
      if (item === undefined || !takes(item)) break
      accepted += 1
      running.set(item.taskId, { ...running.get(item.taskId), ...item })
      giverBy.set(item.taskId, giverOf({ id: dispatch.balancer, since: dispatch.since }))
      const { balancer, placed } = dispatch
      const why = item.reason ?? placed?.reason ?? ''
      taken.push({
        ...item,
        balancer,
        why,
        considered: placed?.considered ?? 0,
        atMs: placed?.atMs ?? 0,
      })
    }
    return { accepted, heartbeat: { ...heartbeat(), ...lies } }
  }
  bus.on(CHANNELS.dispatch, take, { where: { nodeId: id } })
  bus.on(CHANNELS.tenants, () => {
    const tenants: Record<string, number> = {}
    const givers: Record<string, Record<string, number>> = {}
    for (const { taskId, tenant } of running.values()) {
      const given = (givers[giverBy.get(taskId) ?? ''] ??= {})
      tenants[tenant] = (tenants[tenant] ?? 0) + 1
      given[tenant] = (given[tenant] ?? 0) + 1
    }
    return { nodeId: id, tenants, givers }
  })
  const timer = setInterval(() => {
    if (!gone) bus.send(CHANNELS.heartbeat, heartbeat(), { nodeId: id })
  }, HEARTBEAT_EVERY_MS)
  say([])

  const finish = (taskIds: readonly string[]): void => {
    for (const taskId of taskIds) {
      const item = running.get(taskId)
      acks.done(item?.ackSubject)
      if (running.delete(taskId)) completed += 1
    }
    say(taskIds)
  }
  const crash = async (): Promise<void> => {
    if (gone) return
    gone = true
    clearInterval(timer)
    await bus.nats.close()
  }
  return {
    id,
    taken,
    dispatches,
    heartbeat,
    finish,
    finishOne: () => finish([...running.keys()].slice(0, 1)),
    finishAll: () => finish([...running.keys()]),
    running: () => running.size,
    answer: (next) => void (answers = next),
    lie: (next) => void (lies = next),
    hold() {
      let release = (): void => undefined
      held = new Promise((resolve) => {
        release = () => {
          held = undefined
          resolve()
        }
      })
      return release
    },
    say(next) {
      change = { ...change, ...next }
      say([])
    },
    crash,
    async remove() {
      await crash()
      await deregister()
    },
  }
}
