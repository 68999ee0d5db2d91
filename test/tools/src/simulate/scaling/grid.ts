/** The scaling comparison over a grid of parameters: where the goals hold, and where they do not. */
import { setImmediate } from 'node:timers/promises'
import { say } from '../../command/flags.ts'
import { heartbeats, holds, simulateScaling, type ScalingOptions } from './scaling.ts'

/** Service time, slots of a node, start-up: the corners and the middle of realistic fleets. */
const SERVICE_S = [2, 20, 60]
const SLOTS = [4, 16, 64]
const STARTUP_S = [5, 30, 60]

/** Runs the grid and reports where the goals are reached; a minute or two for a day of a trace. */
export async function simulateGrid(options: ScalingOptions): Promise<void> {
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0)).join('  ')
  let [held, count] = [0, 0]
  say(line(HEAD))
  for (const serviceS of SERVICE_S) {
    for (const slots of SLOTS) {
      for (const startupS of STARTUP_S) {
        const row = rowOf({ ...options, serviceS, slots, startupS })
        count += 1
        if (row[6] === 'yes') held += 1
        say(line(row))
        // Lets Ctrl-C through between two points.
        await setImmediate()
      }
    }
  }
  say(`the goals are reached in ${held} of ${count}`)
}

function rowOf(options: ScalingOptions): string[] {
  const report = simulateScaling(options)
  const { ours, clairvoyant, rivals } = report
  const percent = (share: number): string => (100 * share).toFixed(1)
  const unbeaten = rivals.filter((rival) => !heartbeats(ours, rival))
  return [
    `${options.serviceS} s, ${options.slots} slots, ${options.startupS} s`,
    percent(clairvoyant.saving),
    percent(ours.saving),
    percent(ours.ofClairvoyant),
    (100 * ours.inTime).toFixed(3),
    String(ours.reversals),
    holds(options, report) ? 'yes' : 'no',
    unbeaten
      .map(
        ({ name, saving, inTime }) => `${name} (${percent(saving)}, ${(100 * inTime).toFixed(3)})`,
      )
      .join('; '),
  ]
}

const HEAD = [
  'service, node, start-up',
  'clairvoyant %',
  'ours %',
  'share %',
  'in time %',
  'reversals',
  'goals',
  'not beaten on both (saving %, in time %)',
]
const WIDTHS = [23, 13, 6, 7, 9, 9, 5]
