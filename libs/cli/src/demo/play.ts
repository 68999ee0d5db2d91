import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { FleetAccess } from '@agentfleet/local'
import type { Context } from '../command.ts'
import { CommandError } from '../exit.ts'
import { below, isRunning } from '../local-fleet.ts'
import { mayPass, patiently } from '../patience.ts'
import { progressBar } from '../render/progress.ts'
import { createHistory, type History, type Kill } from './history.ts'
import type { DemoFigures, PaidFigures } from './report.ts'

/** LLM calls of one task, with a tool between any two of them. */
const LLM_CALLS = 3
/** Calls of unequal length, so that a kill finds tasks at all their stages; few, as each is a model, milliseconds. */
const CALLS_MS = [200, 320, 240, 400, 280, 360]
/** Only so much of the slots is used that the other nodes can take over the tasks of a killed one. */
const SLOTS_SHARE = 0.4
/** Tasks of one request: few enough that it takes a moment. */
const BATCH = 100
const POLL_MS = 20
/** A fleet that ends no task for this long is stuck, milliseconds. */
const STUCK_AFTER_MS = 120_000
/**
 * Milliseconds between two kills: a killed node has time to come back, because two deaths at once would be
 * another experiment.
 */
const BETWEEN_KILLS_MS = 5_000
/** Requests to the simulators at once. */
const COUNTS_AT_ONCE = 16
const ANSWER_WITHIN_MS = 10_000

/** The size of a demo. */
export interface DemoOptions {
  readonly tasks: number
  readonly kills: number
}

/** Runs a load on a local fleet, kills nodes of it in the middle, and measures what happened. */
export async function playDemo(
  context: Context,
  fleet: FleetAccess,
  options: DemoOptions,
): Promise<DemoFigures> {
  const { client } = context
  // This task marks the place behind which the log is read.
  const marker = { task: 'The demo begins.', model: 'sim-fast?tokens=1' }
  const { seq } = await client.submit(marker, { waitSeconds: 30 })
  const history = createHistory()
  // Only this command reads the bus: to import its client takes longer than most other commands run.
  const { followLog } = await import('./follow-log.ts')
  const log = await followLog(fleet, seq, { receive: history.note, note: context.note })
  try {
    const llmMsOf = new Map<string, number>()
    const before = await countsOf(fleet)
    const kills = await runLoad(context, { options, history, llmMsOf })
    await log.caughtUp()
    context.progress('counting the calls …')
    const restarted = history.restarted().filter((taskId) => llmMsOf.has(taskId))
    const paidTwice = await callsPaidTwice(fleet, restarted)
    const after = await countsOf(fleet)
    const paid: PaidFigures = {
      paid: after.finished - before.finished,
      paidTwice,
      paidTwiceElsewhere: Math.max(0, after.twice - before.twice - paidTwice),
    }
    context.progress('')
    return { ...history.figures(llmMsOf, kills), ...paid, kills, page: await pageOf(context.url) }
  } finally {
    await log.close()
  }
}

interface Load {
  readonly options: DemoOptions
  readonly history: History
  /** The simulated LLM time of each accepted task. */
  readonly llmMsOf: Map<string, number>
}

/** Submits the tasks, kills nodes, and waits until each task has ended; other tasks may run at the same time. */
export async function runLoad(context: Context, load: Load): Promise<readonly Kill[]> {
  const { options, history, llmMsOf } = load
  const { nodes } = await patiently(context, () => context.client.fleet({ history: false }))
  const slots = nodes
    .filter(({ state }) => state === 'alive')
    .reduce((sum, node) => sum + node.slots, 0)
  const window = Math.max(1, Math.floor(slots * SLOTS_SHARE))
  const kills: Kill[] = []
  const startMs = context.nowMs()
  const open = new Set<string>()
  let ended = 0
  let moved = { ended: 0, atMs: startMs }
  for (;;) {
    context.signal.throwIfAborted()
    for (const taskId of [...open].filter(history.hasEnded)) {
      open.delete(taskId)
      ended += 1
    }
    if (ended > moved.ended) moved = { ended, atMs: context.nowMs() }
    if (ended >= options.tasks || context.nowMs() - moved.atMs > STUCK_AFTER_MS) return kills
    const due = kills.length < options.kills && ended >= killAfter(kills.length, options)
    const last = kills.at(-1)
    if (due && (last === undefined || context.nowMs() - last.atMs > BETWEEN_KILLS_MS)) {
      const kill = await killBusiest(context)
      if (kill !== undefined) kills.push(kill)
    }
    const room = Math.min(window - open.size, options.tasks - llmMsOf.size)
    if (room > 0) {
      const accepted = await submitSome(context, Math.min(room, BATCH), llmMsOf.size)
      for (const [taskId, llmMs] of accepted) {
        llmMsOf.set(taskId, llmMs)
        open.add(taskId)
      }
    }
    const elapsedMs = context.nowMs() - startMs
    const bar = progressBar('ended', { done: ended, total: options.tasks, elapsedMs })
    context.progress(`${bar}, ${kills.length} of ${options.kills} nodes killed`)
    if (room <= 0) await delay(POLL_MS, undefined, { signal: context.signal })
  }
}

/** The number of ended tasks after which this kill comes: evenly over the load. */
export function killAfter(index: number, { tasks, kills }: DemoOptions): number {
  return Math.floor((tasks * (index + 1)) / (kills + 1))
}

/** The task with this number and its simulated LLM time. */
export function demoTask(n: number) {
  const ms = CALLS_MS[n % CALLS_MS.length] ?? 0
  return {
    // Without a pace of tokens each call takes exactly this long.
    request: {
      task: `Work in ${LLM_CALLS} steps.`,
      model: `sim-steps?n=${LLM_CALLS}&ms=${ms}&tps=0`,
    },
    llmMs: LLM_CALLS * ms,
  }
}

/**
 * Submits some tasks and returns them with their simulated LLM time; the keys make the repeated request safe
 * when the first one was refused or lost.
 */
async function submitSome(
  { client, signal, nowMs }: Context,
  count: number,
  first: number,
): Promise<readonly (readonly [taskId: string, llmMs: number])[]> {
  const tasks = Array.from({ length: count }, (_, at) => demoTask(first + at))
  const requests = tasks.map(({ request }) => ({ ...request, idempotencyKey: randomUUID() }))
  const deadlineMs = nowMs() + STUCK_AFTER_MS
  for (;;) {
    try {
      const results = await client.submitBatch(requests)
      const refused = results.find(({ taskId }) => taskId === undefined)
      if (refused === undefined) {
        return results.map(({ taskId = '' }, at) => [taskId, tasks[at]?.llmMs ?? 0])
      }
      if (refused.status !== 429 && refused.status !== 503) {
        throw new CommandError(`A task of the demo was refused: ${refused.problem?.detail ?? ''}`)
      }
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error
    }
    if (nowMs() > deadlineMs) throw new CommandError('The gateway has refused tasks for too long.')
    await delay(BETWEEN_KILLS_MS / 10, undefined, { signal })
  }
}

/** Kills the busiest node of this fleet, if another node is alive; only a process that fleet.json names. */
async function killBusiest({
  client,
  signal,
  localFleet,
  nowMs,
}: Context): Promise<Kill | undefined> {
  const fleetView = await client.fleet({ history: false }).catch((error: unknown) => {
    // A gateway that restarts delays the kill.
    if (signal.aborted || !mayPass(error)) throw error
  })
  const alive = (fleetView?.nodes ?? []).filter(
    ({ state, draining }) => state === 'alive' && !draining,
  )
  const [busiest] = alive.toSorted((a, b) => b.active - a.active)
  if (busiest === undefined || alive.length < 2) return undefined
  const fleet = await localFleet()
  const victim = fleet?.processes.find(({ kind, id }) => kind === 'worker' && id === busiest.id)
  if (victim === undefined || !isRunning(victim.pid)) return undefined
  process.kill(victim.pid, 'SIGKILL')
  return { node: busiest.id, running: busiest.active, atMs: nowMs() }
}

/** How many calls the simulators have finished, of all tasks, and how many of these calls more than once. */
async function countsOf({ simulators }: FleetAccess) {
  type Stats = { readonly finished: number; readonly keyed: { readonly finishedTwice: number } }
  const all = await Promise.all(simulators.map((url) => getJson<Stats>(`${url}/sim/stats`)))
  return {
    finished: all.reduce((sum, { finished }) => sum + finished, 0),
    twice: all.reduce((sum, { keyed }) => sum + keyed.finishedTwice, 0),
  }
}

/** Calls of these tasks that the simulators finished more than once, all simulators together. */
async function callsPaidTwice(
  { simulators }: FleetAccess,
  taskIds: readonly string[],
): Promise<number> {
  type Calls = { readonly calls: readonly { readonly step: number; readonly finished: number }[] }
  const waiting = [...taskIds]
  let twice = 0
  const count = async (): Promise<void> => {
    for (let taskId = waiting.pop(); taskId !== undefined; taskId = waiting.pop()) {
      const finished = new Map<number, number>()
      for (const url of simulators) {
        const { calls } = await getJson<Calls>(`${url}/sim/calls?task=${taskId}`)
        for (const call of calls) {
          finished.set(call.step, (finished.get(call.step) ?? 0) + call.finished)
        }
      }
      twice += [...finished.values()].filter((times) => times > 1).length
    }
  }
  await Promise.all(Array.from({ length: COUNTS_AT_ONCE }, count))
  return twice
}

/** The address of the web page of the fleet, or of its JSON if the gateway serves no page. */
async function pageOf(url: string): Promise<string> {
  const page = below(url, '/console')
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  const answer = await fetch(page, { signal, headers: { accept: 'text/html' } })
  await answer.body?.cancel()
  return answer.ok ? page : below(url, '/v1/fleet')
}

async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
  if (!answer.ok) throw new CommandError(`${url} answered with status ${answer.status}.`)
  return (await answer.json()) as T
}
