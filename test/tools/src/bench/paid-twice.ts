import { createClient } from '@agentfleet/client'
import type { FleetView, TaskRequest } from '@agentfleet/protocol'
import { countPaidTwice, getJson, openAudit, simulatorTotals, until } from '../audit.ts'
import { say } from '../command/flags.ts'
import { show, table } from '../figures.ts'
import { describeFindings, type Findings } from '../invariants.ts'
import type { PaidTwice } from '../invariants/paid-twice.ts'
import { sidesOf, startSides, type BenchContext, type Side, type Sides } from './sides.ts'

/** The payments of one side for the same tasks with the same death in the middle. */
export interface PaidFigures {
  readonly side: Side['name']
  readonly tasks: number
  readonly completed: number
  /** LLM calls that the tasks need, and those that the provider received. */
  readonly needed: number
  readonly asked: number
  readonly paid: PaidTwice
  /** From the kill to the last result, milliseconds. */
  readonly doneAfterMs: number
}

/** Both sides. */
interface PaidTwiceFigures {
  readonly sides: readonly PaidFigures[]
  readonly findings: Findings
}

/** LLM calls of a run, with a tool between any two of them. */
const LLM_CALLS = 6
/** Calls of unequal length, so that the kill finds runs at all their stages, milliseconds. */
const CALL_MIN_MS = 800
const CALL_SPREAD_MS = 400
/** The kill follows when this share of all calls is paid for. */
const PAID_BEFORE_KILL = 0.5
const HALFWAY_WITHIN_MS = 60_000
/** The peer checks for stalled jobs every 30 s, and a job counts as stalled after 30 s. */
const DONE_WITHIN_MS = 170_000
/** A held request is repeated after this, seconds. */
const WAIT_S = 60

/**
 * Runs the same agents on both sides, kills one of two workers when half of the calls are paid for, and
 * counts in the simulator which calls were paid again. Each side recovers by itself, with its own defaults.
 */
export async function comparePaidTwice(context: BenchContext): Promise<PaidTwiceFigures> {
  const { options } = context
  say(`\n## paid twice: kill -9 of a worker among ${options.paidTasks} runs of ${LLM_CALLS} calls`)
  const sides = await startSides(context)
  const { fleet } = sides
  const audit = await openAudit({ natsUrl: fleet.nats.url, operator: fleet.operator })
  try {
    const figures: PaidFigures[] = []
    for (const side of sidesOf(sides)) {
      figures.push(await side.alone(() => measureSide(context, sides, side)))
    }
    const accepted = [...audit.histories.keys()].map((taskId) => ({ taskId }))
    const findings = await audit.check(accepted)
    say(showFigures(figures, findings, context.options.stalledMs / 1_000))
    return { sides: figures, findings }
  } finally {
    await audit.close()
    await sides.stop()
  }
}

async function measureSide(
  { options }: BenchContext,
  { fleet, peer }: Sides,
  side: Side,
): Promise<PaidFigures> {
  const count = options.paidTasks
  for (const url of fleet.simulators) await fetch(`${url}/sim/reset`, { method: 'POST' })
  const ours = side.name === 'agentfleet'
  const runs = Array.from({ length: count }, (_, n) =>
    ours ? runOurs(side.url, taskOf(n)) : runTheirs(side.url, taskOf(n)),
  )
  const ended = Promise.all(runs)
  // The wait below reports a failure before the kill; it must not end the process.
  ended.catch(() => undefined)
  const needed = count * LLM_CALLS
  let paid = 0
  await until(
    async () => {
      paid = (await simulatorTotals(fleet.simulators)).finished
      return paid >= needed * PAID_BEFORE_KILL
    },
    HALFWAY_WITHIN_MS,
    () => `${side.name}: ${paid} of ${needed} calls are paid for`,
  )
  const killedAtMs = performance.now()
  if (ours) await killOurs(fleet)
  else await peer.killWorker()
  const ids = await ended
  const doneAfterMs = performance.now() - killedAtMs
  const completed = ids.filter((id) => id !== undefined)
  return {
    side: side.name,
    tasks: count,
    completed: completed.length,
    needed,
    asked: (await simulatorTotals(fleet.simulators)).started,
    paid: await countPaidTwice(fleet.simulators, completed),
    doneAfterMs,
  }
}

function taskOf(n: number): TaskRequest {
  // A prime step spreads the lengths evenly in any order of arrival.
  const ms = CALL_MIN_MS + ((n * 7_919) % CALL_SPREAD_MS)
  return { task: `Work in ${LLM_CALLS} steps.`, model: `sim-steps?n=${LLM_CALLS}&ms=${ms}` }
}

/** The id of the completed task; undefined when it ended otherwise. */
async function runOurs(url: string, task: TaskRequest): Promise<string | undefined> {
  const client = createClient({ baseUrl: url })
  const key = crypto.randomUUID()
  const deadline = performance.now() + DONE_WITHIN_MS
  for (;;) {
    // The same key leads to the same task: repeating the request only continues the wait.
    const view = await client.submit(task, { idempotencyKey: key, waitSeconds: WAIT_S })
    if (view.state === 'completed') return view.id
    if (view.state === 'failed' || performance.now() > deadline) return undefined
  }
}

async function runTheirs(url: string, task: TaskRequest): Promise<string | undefined> {
  const answer = await fetch(`${url}/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(task),
    signal: AbortSignal.timeout(DONE_WITHIN_MS),
  }).catch(() => undefined)
  if (answer?.ok !== true) return undefined
  return ((await answer.json()) as { id: string }).id
}

async function killOurs(fleet: Sides['fleet']): Promise<void> {
  const { nodes } = await getJson<FleetView>(`${fleet.url}/v1/fleet`)
  const busiest = nodes
    .filter(({ state }) => state === 'alive')
    .toSorted((a, b) => b.active - a.active)[0]
  const member = fleet.members('worker').find(({ id }) => id === busiest?.id)
  if (member === undefined) throw new Error('no worker of the fleet is busy')
  member.kill('SIGKILL')
}

function showFigures(
  figures: readonly PaidFigures[],
  findings: Findings,
  stalledS: number,
): string {
  const rows = figures.map((each) => [
    each.side,
    `${each.completed} of ${each.tasks}`,
    String(each.needed),
    String(each.asked),
    String(each.paid.startedTwice),
    String(each.paid.finishedTwice),
    show(each.doneAfterMs / 1_000),
  ])
  return [
    table(
      [
        'side',
        'completed',
        'calls needed',
        'asked for',
        'begun twice',
        'paid twice',
        'last result after s',
      ],
      rows,
    ),
    'begun twice: including the calls under way in the killed process, which no system can save',
    `bullmq: its own recovery of stalled jobs (lock ${stalledS} s, check ${stalledS} s); a job stores no steps`,
    `audit of our fleet: ${describeFindings(findings)}`,
  ].join('\n')
}
