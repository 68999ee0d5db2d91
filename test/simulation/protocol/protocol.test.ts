/**
 * Thousands of short lives of a fleet, each from its seed: the product's own services in virtual time.
 * Processes die between two messages, freeze and are cut off; messages are lost, late and doubled; clocks
 * jump. The invariants of the chaos tests check every history.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openVirtualMachine, runHistory } from './bundled.ts'
import { HISTORIES, runSeeds, WITHIN_MS } from './seeds.ts'
import type { VirtualMachine } from './time/virtual-time.ts'

/** Runs and logs the history of this seed alone. */
const SEED = process.env['SEED']
const TWICE = 50

let machine: VirtualMachine
beforeAll(() => {
  machine = openVirtualMachine()
})
afterAll(() => machine.close())

test(
  'every simulated history keeps the invariants and ends its tasks, for any faults (L1 to L8)',
  { timeout: WITHIN_MS },
  async () => {
    if (SEED === undefined) await runSeeds(machine, 1, Math.ceil(HISTORIES / 2))
    else expect(await told(Number(SEED))).toEqual([])
  },
)

test(
  'the simulation of the protocol gives the same history for the same seed',
  { timeout: WITHIN_MS },
  async () => {
    const traces = new Set<string>()
    for (let seed = 1; seed <= TWICE; seed += 1) {
      const first = await runHistory(machine, seed)
      const second = await runHistory(machine, seed)
      expect(second.trace()).toBe(first.trace())
      traces.add(first.trace())
    }
    expect(traces.size).toBe(TWICE)
  },
)

async function told(seed: number): Promise<readonly string[]> {
  const lines: string[] = []
  const { problems } = await runHistory(machine, seed, (line) => void lines.push(line))
  process.stdout.write(`${lines.join('\n')}\n`)
  return problems
}
