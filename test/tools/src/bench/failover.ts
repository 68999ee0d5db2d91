import type { FleetView, TaskRequest } from '@agentfleet/protocol'
import type { Fleet } from '@agentfleet/local'
import { countPaidTwice, getJson, openAudit, simulatorTotals, until, type Audit } from '../audit.ts'
import { say } from '../command/flags.ts'
import { show, spreadOf, table, type Spread } from '../figures.ts'
import { describeFindings, type Accepted, type Findings } from '../invariants.ts'
import type { PaidTwice } from '../invariants/paid-twice.ts'
import { startBenchFleet, type BenchContext } from './sides.ts'
import { submitAll } from './submit.ts'

/** Results of the failover part. */
interface FailoverFigures {
  readonly kills: readonly Kill[]
  /** From the kill to the next attempt of each task that ran on the killed node, milliseconds. */
  readonly restartedMs: Spread
  readonly paid: PaidTwice
  readonly llmCalls: number
  readonly findings: Findings
}

/** One killed node. */
export interface Kill {
  readonly node: string
  /** Attempts on it by its last heartbeat before the kill. */
  readonly running: number
  readonly restarted: number
  readonly restartedMs: Spread
}

/** Three LLM calls each, with a tool between them. */
const LLM_CALLS = 3
/**
 * Calls of unequal length, so that the kill cuts runs at all stages and not all at the same one; long enough
 * that two busy cores keep up, as otherwise answers would wait for the journal at the kill.
 */
const CALL_MIN_MS = 4_000
const CALL_SPREAD_MS = 2_000
/** This share of a kill's tasks must run on the victim; with two nodes about half do. */
const VICTIM_SHARE = 0.36
/** The kill follows when half of all runs have finished their first call and are in their second. */
const FIRST_CALLS_SHARE = 0.5
const SLOTS = 4_096
const RUNNING_WITHIN_MS = 60_000
const COMPLETE_WITHIN_MS = 180_000
const NODES_WITHIN_MS = 60_000

/** Kills workers in mid-run and measures how soon their tasks run again, and which calls were paid twice. */
export async function measureFailover(context: BenchContext): Promise<FailoverFigures> {
  const { options } = context
  say(`\n## failover: kill -9 of a worker, ${options.kills} times`)
  const fleet = await startBenchFleet(context, 'failover', {
    workers: options.workers,
    env: { worker: { WORKER_SLOTS: String(SLOTS) } },
    onExit: () => undefined,
  })
  const audit = await openAudit({ natsUrl: fleet.nats.url, operator: fleet.operator })
  try {
    const accepted: Accepted[] = []
    const kills: Kill[] = []
    const delays: number[] = []
    for (let n = 0; n < options.kills; n += 1) {
      await fleet.nodesReady(options.workers, NODES_WITHIN_MS)
      const { kill, delaysMs } = await killOnce(fleet, audit, accepted, options.failoverTasks)
      kills.push(kill)
      delays.push(...delaysMs)
    }
    const findings = await audit.check(accepted)
    const figures: FailoverFigures = {
      kills,
      restartedMs: spreadOf(delays),
      paid: await countPaidTwice(fleet.simulators, audit.restarted()),
      llmCalls: accepted.length * LLM_CALLS,
      findings,
    }
    say(showFigures(figures))
    return figures
  } finally {
    await audit.close()
    await fleet.stop()
  }
}

async function killOnce(
  fleet: Fleet,
  audit: Audit,
  accepted: Accepted[],
  tasks: number,
): Promise<{ readonly kill: Kill; readonly delaysMs: readonly number[] }> {
  const before = await simulatorTotals(fleet.simulators)
  accepted.push(...(await submitAll(fleet.url, tasks, taskOf)))
  const wanted = Math.floor(tasks * VICTIM_SHARE)
  let victim = { id: '', active: 0 }
  await until(
    async () => {
      const { nodes } = await getJson<FleetView>(`${fleet.url}/v1/fleet`)
      const alive = nodes.filter(({ state }) => state === 'alive')
      victim = alive.toSorted((a, b) => b.active - a.active)[0] ?? victim
      const { finished } = await simulatorTotals(fleet.simulators)
      const underWay = finished - before.finished >= tasks * FIRST_CALLS_SHARE
      return underWay && victim.active >= wanted
    },
    RUNNING_WITHIN_MS,
    () => `${victim.active} of the wanted ${wanted} attempts run on ${victim.id}`,
  )
  const member = fleet.members('worker').find(({ id }) => id === victim.id)
  if (member === undefined) throw new Error(`${victim.id} is not a process of this fleet`)
  const killedAtMs = Date.now()
  member.kill('SIGKILL')
  await audit.untilEnded(accepted.length, COMPLETE_WITHIN_MS)
  const delaysMs: number[] = []
  for (const events of audit.histories.values()) {
    const next = events.find((e) => e.type === 'attempt-started' && e.atMs >= killedAtMs)
    if (next !== undefined) delaysMs.push(next.atMs - killedAtMs)
  }
  const kill = {
    node: victim.id,
    running: victim.active,
    restarted: delaysMs.length,
    restartedMs: spreadOf(delaysMs),
  }
  return { kill, delaysMs }
}

function taskOf(n: number): TaskRequest {
  // A prime step spreads the lengths evenly in any order of arrival.
  const ms = CALL_MIN_MS + ((n * 7_919) % CALL_SPREAD_MS)
  return { task: 'Work in three steps.', model: `sim-steps?n=${LLM_CALLS}&ms=${ms}` }
}

function showFigures({ kills, restartedMs, paid, llmCalls, findings }: FailoverFigures): string {
  const row = (name: string, running: string, spread: Spread): string[] => [
    name,
    running,
    String(spread.count),
    show(spread.p50),
    show(spread.p99),
    show(spread.max),
  ]
  const rows = kills.map((kill) => row(kill.node, String(kill.running), kill.restartedMs))
  return [
    table(
      ['killed', 'running', 'begun again', 'p50 ms', 'p99 ms', 'max ms'],
      [...rows, row('all', '', restartedMs)],
    ),
    `LLM calls: ${show(llmCalls)} needed, ${paid.startedTwice} begun twice, ${paid.finishedTwice} answered twice`,
    `audit: ${describeFindings(findings)}`,
  ].join('\n')
}
