/**
 * The scaling half of the simulation: our policy, other policies and a clairvoyant, each alone with the same
 * tasks.
 */
import { show, table } from '../../figures.ts'
import { runClairvoyant } from './clairvoyant.ts'
import { ourPolicy } from './ours.ts'
import { cpuAutoscaler, jetStreamAutoscaler, podAutoscaler, staticPeak } from './rivals.ts'
import { drawTraffic, type Trace, type Traffic } from '../traffic.ts'
import { runWorld, type FleetOptions, type Outcome } from './world.ts'

/** The settings of the simulation. */
export interface ScalingOptions {
  readonly trace: Trace
  readonly seed: number
  /** Length of the used part of the trace. */
  readonly seconds: number
  /** Mean of the lognormal service times, and their sigma. */
  readonly serviceS: number
  readonly sigma: number
  readonly slots: number
  readonly startupS: number
  readonly waitTargetS: number
  readonly nodesMin: number
  readonly nodesMax: number
  /** Share of tasks that the clairvoyant has to start in time. */
  readonly goal: number
}

/** One policy next to the others. */
interface ScalingRow {
  readonly name: string
  readonly nodeHours: number
  /** Compared with the fleet that is always as large as the peak needs. */
  readonly saving: number
  readonly ofClairvoyant: number
  readonly inTime: number
  readonly waitP50S: number
  readonly waitP99S: number
  readonly utilisation: number
  readonly actions: number
  readonly reversals: number
}

/** The whole comparison; `ours` is among the rows. */
export interface ScalingReport {
  readonly traffic: Traffic
  readonly outcomes: readonly Outcome[]
  readonly rows: readonly ScalingRow[]
  readonly ours: ScalingRow
  readonly rivals: readonly ScalingRow[]
  readonly clairvoyant: ScalingRow
}

/** Share of the slots that the peak of the scaled trace fills: the fleet at its largest fits it. */
const PEAK_UTILISATION = 0.85
/** Share of the clairvoyant saving that is the goal. */
const SHARE_GOAL = 0.9

/** Runs all policies over the same tasks. */
export function simulateScaling(options: ScalingOptions): ScalingReport {
  const { slots, nodesMax } = options
  const traffic = drawTraffic({ ...options, peakSlots: nodesMax * slots * PEAK_UTILISATION })
  const fleet: FleetOptions = { ...options, nodesFirst: nodesAtFirst(traffic, options) }
  const still = runWorld(traffic, fleet, staticPeak(nodesMax))
  const seer = runClairvoyant(traffic, fleet, options.goal)
  const lag = Math.max(1, Math.round(slots * PEAK_UTILISATION))
  const others = [cpuAutoscaler(fleet), jetStreamAutoscaler(lag), podAutoscaler(fleet)].map(
    (scaler) => runWorld(traffic, fleet, scaler),
  )
  const own = runWorld(traffic, fleet, ourPolicy(fleet))
  const outcomes = [still, seer, ...others, own]
  const savingOf = ({ nodeHours }: Outcome): number => 1 - nodeHours / still.nodeHours
  const rowOf = (outcome: Outcome): ScalingRow => ({
    name: outcome.name,
    nodeHours: outcome.nodeHours,
    saving: savingOf(outcome),
    ofClairvoyant: savingOf(outcome) / savingOf(seer),
    inTime: outcome.withinTarget / outcome.started,
    waitP50S: waitAt(outcome, 0.5) * traffic.tickS,
    waitP99S: waitAt(outcome, 0.99) * traffic.tickS,
    utilisation: outcome.busySlotS / outcome.servingSlotS,
    actions: outcome.outs + outcome.ins,
    reversals: outcome.reversals,
  })
  return {
    traffic,
    outcomes,
    rows: outcomes.map(rowOf),
    ours: rowOf(own),
    rivals: others.map(rowOf),
    clairvoyant: rowOf(seer),
  }
}

/** Nodes that the first minute keeps busy; every policy begins with them. */
function nodesAtFirst(traffic: Traffic, { slots, nodesMin, nodesMax }: ScalingOptions): number {
  const ticks = Math.min(traffic.arrivals.length, Math.round(60 / traffic.tickS))
  const tasks = traffic.arrivals.subarray(0, ticks).reduce((sum, count) => sum + count, 0)
  const busy = (tasks / Math.max(1, ticks)) * traffic.meanTicks
  const nodes = Math.ceil(busy / (slots * PEAK_UTILISATION))
  return Math.min(nodesMax, Math.max(nodesMin, nodes))
}

/** The wait in ticks that this share of the tasks did not exceed. */
function waitAt({ waits, started }: Outcome, share: number): number {
  let seen = 0
  return waits.findIndex((count) => (seen += count) >= share * started)
}

/** Whether one is better on cost or on time, and worse on neither. */
export function heartbeats(one: ScalingRow, other: ScalingRow): boolean {
  const notWorse = one.saving >= other.saving && one.inTime >= other.inTime
  return notWorse && (one.saving > other.saving || one.inTime > other.inTime)
}

/** The comparison for people. */
export function describeScaling(options: ScalingOptions, report: ScalingReport): string {
  const { traffic, ours, rivals } = report
  const hours = (traffic.arrivals.length * traffic.tickS) / 3_600
  const percent = (share: number): string => (100 * share).toFixed(1)
  const rows = report.rows.map((row) => [
    row.name,
    show(row.nodeHours),
    percent(row.saving),
    percent(row.ofClairvoyant),
    (100 * row.inTime).toFixed(3),
    show(row.waitP50S),
    show(row.waitP99S),
    percent(row.utilisation),
    String(row.actions),
    String(row.reversals),
  ])
  const unbeaten = rivals.filter((rival) => !heartbeats(ours, rival)).map(({ name }) => name)
  return [
    `scaling: ${show(traffic.tasks)} tasks in ${show(hours)} h, seed ${options.seed}; tasks of ${options.serviceS} s ` +
      `(lognormal, sigma ${options.sigma}), ${options.slots} slots a node, ${options.startupS} s to start a node, ` +
      `to be started within ${options.waitTargetS} s; ${options.nodesMin} to ${options.nodesMax} nodes`,
    `the trace times ${show(traffic.scale)}: ${show(traffic.peakPerS)} tasks a second at its peak, ` +
      `which ${options.nodesMax} nodes serve at ${percent(PEAK_UTILISATION)}%; every task is simulated, in ticks of ${traffic.tickS} s`,
    '',
    table(HEAD, rows),
    '',
    `${percent(ours.ofClairvoyant)}% of the clairvoyant saving (goal ${percent(SHARE_GOAL)}) ` +
      `with ${(100 * ours.inTime).toFixed(3)}% started in time (goal ${percent(options.goal)}): ${holds(options, report) ? 'holds' : 'DOES NOT HOLD'}`,
    unbeaten.length === 0
      ? 'cheaper or more in time than every rival, and worse on neither'
      : `cheaper or more in time, and worse on neither, than every rival except: ${unbeaten.join('; ')}`,
  ].join('\n')
}

/** Whether both goals are reached. */
export function holds({ goal }: ScalingOptions, { ours }: ScalingReport): boolean {
  return ours.ofClairvoyant >= SHARE_GOAL && ours.inTime >= goal
}

const HEAD = [
  'policy',
  'node-hours',
  'saving %',
  'of clairvoyant %',
  'in time %',
  'p50 wait s',
  'p99 wait s',
  'slots used %',
  'actions',
  'reversals',
]
