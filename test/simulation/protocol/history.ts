import { STREAMS, taskIdOf } from '@agentfleet/protocol'
import { checkInvariants, describeFindings, loggedEvent, type LoggedEvent } from '@agentfleet/tools'
import { isTerminalEvent, TASK_EVENT_TYPES } from '@agentfleet/domain'
import { redistribute } from '../../../services/recovery/src/redistribution/redistribute.ts'
import { startClient, type Client } from './client.ts'
import { startFleet, type Fleet, type Member } from './fleet.ts'
import { createMemoryNats, type MemoryNats } from './memory/server.ts'
import type { Network } from './memory/wire.ts'
import { createMemoryStore, type MemoryStore } from './memory/store.ts'
import { planOf, type Plan } from './plan.ts'
import { createProvider, eventOf, historyOf, type Provider } from './stand-ins/provider.ts'
import { chanceOf, wholeOf, type Chance } from './time/random.ts'
import { clockOf, loggerOf } from './stand-ins/services.ts'
import { tellMessages, watchMessages } from './watch.ts'
import type { VirtualMachine, VirtualTime } from './time/virtual-time.ts'

/** The result of one history. */
export interface Outcome {
  readonly seed: number
  /** Violated invariants, in words. */
  readonly problems: readonly string[]
  /** The stored events and their times: the same for the same seed. */
  trace(): string
  /** Its events, in the words of `REACHED`. */
  readonly reached: readonly string[]
  readonly steps: number
  /** How long each task took from its storing to its end, milliseconds of the log's clock. */
  lives(): readonly { readonly tenant: string; readonly key: string; readonly ms: number }[]
}

/** Longer than every lease, backoff and deadline of a plan together, milliseconds. */
const ENDED_WITHIN_MS = 300_000

/** Runs the history of a seed and checks it. */
export async function runHistory(
  machine: VirtualMachine,
  seed: number,
  say?: (line: string) => void,
  plan = planOf(seed),
): Promise<Outcome> {
  const time = machine.restart()
  const chance = chanceOf(seed ^ 0x5bd1_e995)
  const watch = watchMessages(() => server, plan.restarts.length === 0)
  const tell = say === undefined ? undefined : tellMessages(time.nowMs, say)
  const server = createMemoryNats(time, chance, networkOf(plan, chance, time), (...message) => {
    watch.heard(...message)
    tell?.(...message)
  })
  const store = createMemoryStore()
  const provider = createProvider(server, chance, plan.temper, watch.fenced)
  const world = { plan, time, chance, server, store, provider, say }
  const fleet = await fleetOf(world)
  const client = startClient(plan, fleet, time, chance)
  fail(world, fleet)
  const over = (): boolean => client.done() && ended()
  const ended = endingsOf(server)
  await time.run(over, plan.calmAtMs)
  fleet.calm()
  await time.run(over, ENDED_WITHIN_MS)
  const problems = [
    ...judge(world, client),
    ...watch.problems,
    ...fleet.refusals(),
    ...(await leftovers(world, client)),
  ]
  return {
    seed,
    problems,
    trace: () => traceOf(world),
    reached: reachedIn(world, fleet),
    steps: time.steps(),
    lives: () => livesIn(world, client),
  }
}

interface World {
  readonly plan: Plan
  readonly time: VirtualTime
  readonly chance: Chance
  readonly server: MemoryNats
  readonly store: MemoryStore
  readonly provider: Provider
  readonly say: ((line: string) => void) | undefined
}

async function fleetOf(world: World): Promise<Fleet> {
  const { plan, time } = world
  const backAfterMs = new Map<Member, (number | undefined)[]>()
  const fleet = await startFleet({
    ...world,
    sizes: plan.sizes,
    slots: plan.slots,
    died(member) {
      const [back] = backAfterMs.get(member) ?? []
      crash(world, fleet, member, back)
    },
  })
  for (const { member: index, effect, before, backAfterMs: back } of plan.crashes) {
    const member = fleet.members[index]
    if (member === undefined) continue
    member.crashAt = { effect, before }
    backAfterMs.set(member, [back])
  }
  void time
  return fleet
}

/** Kills a process; the recovery then gives back the pointers of a dead node. */
function crash(world: World, fleet: Fleet, member: Member, backAfterMs: number | undefined): void {
  const { plan, time, store, say } = world
  fleet.crash(member, backAfterMs)
  if (member.kind !== 'worker' || plan.recoveryAfterMs === undefined) return
  const { process, bus } = fleet.recovery
  time.at(time.nowMs() + plan.recoveryAfterMs, process, () => {
    const deps = {
      bus,
      store: store.open(),
      // A crashed process never resumes.
      fleet: {
        credits: () => 10,
        creditsWithin: () => Promise.resolve(10),
        successor: () => 'none',
      },
      clock: clockOf(process, time),
      log: loggerOf(process, time, say),
    } as unknown as Parameters<typeof redistribute>[0]
    redistribute(deps, deathOf(member), new Set(), () => Promise.resolve()).catch(() => undefined)
  })
}

function deathOf({ id: nodeId }: Member): Parameters<typeof redistribute>[1] {
  const reason = 'connection-gone'
  return { nodeId, incarnation: 1, state: 'dead', atMs: 0, reason, phi: 9, silentMs: 0 }
}

/** Plans every fault that has a fixed time. */
function fail(world: World, fleet: Fleet): void {
  const { plan, time, server, store, say } = world
  const { process: keeper } = fleet.recovery
  const at = (atMs: number, run: () => void): void => {
    time.at(atMs, keeper, () => {
      if (time.nowMs() < plan.calmAtMs) run()
    })
  }
  for (const { atMs, member, forMs } of plan.freezes) {
    at(atMs, () => {
      const found = fleet.members[member]
      say?.(`${time.nowMs().toFixed(1).padStart(9)} ${found?.id} FREEZES for ${forMs} ms`)
      if (found !== undefined) found.process.frozenUntilMs = time.nowMs() + forMs
    })
  }
  for (const { atMs, member, forMs } of plan.cuts) {
    at(atMs, () => {
      const found = fleet.members[member]
      say?.(`${time.nowMs().toFixed(1).padStart(9)} ${found?.id} IS CUT OFF for ${forMs} ms`)
      if (found !== undefined) server.cut(found.process, forMs)
    })
  }
  for (const { atMs, member, byMs } of plan.jumps) {
    at(atMs, () => {
      const found = fleet.members[member]
      if (found === undefined) return
      found.clockOffsetMs += byMs
      found.process.clockOffsetMs += byMs
    })
  }
  for (const { atMs, downMs } of plan.restarts) at(atMs, () => server.restart(downMs))
  for (const atMs of plan.wipes) at(atMs, () => store.wipe())
}

/** Messages that may be late or arrive twice: the protocol promises to cope with them. */
const DOUBLED =
  /^(log\.|tasks\.|\$JS\.ACK|coordinator\.|fleet\.|node\.[^.]+\.(heartbeat|load|stop))/

function networkOf(plan: Plan, chance: Chance, time: VirtualTime): Network {
  const { lostShare, lateShare, lateMaxMs, twiceShare } = plan.network
  const well = { lost: false, twice: false, lateMs: 0 }
  if (lostShare + lateShare + twiceShare === 0) return () => well
  return (subject) => {
    if (time.nowMs() >= plan.calmAtMs) return well
    const lot = chance()
    if (lot < lostShare) return { lost: true, twice: false, lateMs: 0 }
    const lateMs = chance() < lateShare ? wholeOf(chance, 1, lateMaxMs) : 0
    const twice = chance() < twiceShare && DOUBLED.test(subject)
    return { lost: false, twice, lateMs }
  }
}

/** Whether every accepted task has ended; checked again only after a new event was stored. */
function endingsOf(server: MemoryNats): () => boolean {
  let seenSeq = -1
  let all = false
  return () => {
    const stream = server.api.streams.get(STREAMS.log)
    if (stream === undefined || stream.lastSeq === seenSeq) return all
    seenSeq = stream.lastSeq
    // The log alone names the children.
    all = [...stream.bySubject.values()].every((seqs) => {
      const seq = seqs.at(-1)
      const last = seq === undefined ? undefined : stream.messages.get(seq)
      return last !== undefined && isTerminalEvent(eventOf(last))
    })
    return all
  }
}

/** In some histories the check includes that the projection follows, and that no pointer is left. */
const PROJECTION_EVERY = 8
const POINTERS_EVERY = 64
const PROJECTED_WITHIN_MS = 60_000
const REMOVED_WITHIN_MS = 90_000

/** Effects of the endings that are missing some time later (L8). */
async function leftovers(world: World, client: Client): Promise<string[]> {
  const { plan, time, server, store } = world
  const problems: string[] = []
  const pointers = server.api.streams.get(STREAMS.tasks)
  if (plan.seed % PROJECTION_EVERY === 0) {
    const behind = (): string[] =>
      [...client.accepted.values()].filter(
        (taskId) => store.records.get(taskId)?.seq !== historyOf(server, taskId).at(-1)?.seq,
      )
    await time.run(() => behind().length === 0, time.nowMs() + PROJECTED_WITHIN_MS)
    for (const taskId of behind()) problems.push(`L8 ${taskId}: the projection is behind the log`)
  }
  if (plan.seed % POINTERS_EVERY === 0) {
    await time.run(() => pointers?.messages.size === 0, time.nowMs() + REMOVED_WITHIN_MS)
    for (const { subject } of pointers?.messages.values() ?? []) {
      problems.push(`L8 ${taskIdOf(subject)}: a pointer is left behind`)
    }
  }
  return problems
}

/** Situations that a set of histories has to reach, or they prove little. */
export const REACHED: readonly string[] = [
  ...TASK_EVENT_TYPES,
  'a refused append',
  'a pointer delivered again',
  'the death of a gateway',
  'the death of a coordinator',
  'the death of a load-balancer',
  'the death of a worker',
  'an attempt after the first',
]

function reachedIn({ server }: World, { members }: Fleet): string[] {
  const { refused, redelivered } = server.api.counts()
  const stored = [...(server.api.streams.get(STREAMS.log)?.messages.values() ?? [])].map(eventOf)
  const again = stored.some((event) => 'attempt' in event && event.attempt > 1)
  return [
    ...stored.map(({ type }) => type),
    ...(refused > 0 ? ['a refused append'] : []),
    ...(redelivered > 0 ? ['a pointer delivered again'] : []),
    ...(again ? ['an attempt after the first'] : []),
    ...members.flatMap(({ kind, lives }) => (lives > 1 ? [`the death of a ${kind}`] : [])),
  ]
}

function traceOf({ server, time }: World): string {
  const stored = [...(server.api.streams.get(STREAMS.log)?.messages.values() ?? [])]
  const events = stored.map(
    (message) =>
      `${message.seq} ${taskIdOf(message.subject)} ${eventOf(message).type} ${message.atMs}`,
  )
  return `${events.join('\n')}\n${time.steps()} ${time.nowMs()}`
}

function livesIn({ plan, server }: World, client: Client): ReturnType<Outcome['lives']> {
  const stream = server.api.streams.get(STREAMS.log)
  return plan.tasks.flatMap(({ key, tenant }) => {
    const seqs = historyOf(server, client.accepted.get(key) ?? '').map(({ seq }) => seq)
    const [first, last] = [seqs[0], seqs.at(-1)].map((seq) => stream?.messages.get(seq ?? 0)?.atMs)
    return first === undefined || last === undefined ? [] : [{ key, tenant, ms: last - first }]
  })
}

function judge(world: World, client: Client): string[] {
  const { server, provider, plan } = world
  const histories = new Map<string, LoggedEvent[]>()
  for (const subject of server.api.streams.get(STREAMS.log)?.bySubject.keys() ?? []) {
    const taskId = taskIdOf(subject)
    const events = historyOf(server, taskId).map(({ event, seq, storedAtMs }) =>
      loggedEvent(event, seq, storedAtMs),
    )
    histories.set(taskId, events)
  }
  const accepted = plan.tasks.flatMap(({ key, tenant }) => {
    const taskId = client.accepted.get(key)
    return taskId === undefined ? [] : [{ taskId, tenant, key }]
  })
  const findings = checkInvariants(histories, accepted)
  const problems = findings.violations.map(
    ({ rule, taskId, detail }) => `${rule} ${taskId}: ${detail}`,
  )
  if (findings.unfinished.length > 0 || accepted.length < plan.tasks.length) {
    problems.push(`not ended: ${describeFindings(findings)}, ${accepted.length} accepted`)
  }
  for (const taskId of client.cancelled) {
    const last = historyOf(server, taskId).at(-1)
    if (last?.event.type !== 'cancelled')
      problems.push(`${taskId}: answered as cancelled, but it is not`)
  }
  for (const { taskId, step, nodeId, fenced } of provider.paidAgain()) {
    if (!fenced && mayMistake(plan)) continue
    problems.push(`paid again: step ${step} of ${taskId} on ${nodeId}`)
  }
  return problems
}

/**
 * Whether a re-issued pointer may pass as a fresh one, which may cost one call (L3): a crashed server hands
 * it out with the same delivery count, and a dispatch may have arrived late.
 */
function mayMistake({ restarts, freezes, cuts, network }: Plan): boolean {
  return restarts.length + freezes.length + cuts.length > 0 || network.lateShare > 0
}
