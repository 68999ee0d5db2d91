/**
 * Thousands of short lives of a fleet, each from its seed: the product's own services in virtual time,
 * while processes die between two messages, stand still and are cut off, while messages are lost, late
 * and doubled, and while clocks jump. Every history is judged by the invariants that chaos tests use.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runHistory } from './history.ts'
import { HISTORIES, runSeeds, WITHIN_MS } from './seeds.ts'
import { openVirtualMachine, type VirtualMachine } from './time/virtual-time.ts'

/** Tells the history of this seed, and no other. */
const SEED = process.env['SEED']
const TWICE = 50

let machine: VirtualMachine
beforeAll(() => {
  machine = openVirtualMachine()
})
afterAll(() => machine.close())

test(
  'every history keeps the invariants and ends its tasks, whatever fails (L1 to L8)',
  { timeout: WITHIN_MS },
  async () => {
    if (SEED === undefined) await runSeeds(machine, 1, Math.ceil(HISTORIES / 2))
    else expect(await told(Number(SEED))).toEqual([])
  },
)

test('the same seed gives the same history', { timeout: WITHIN_MS }, async () => {
  const traces = new Set<string>()
  for (let seed = 1; seed <= TWICE; seed += 1) {
    const first = await runHistory(machine, seed)
    const second = await runHistory(machine, seed)
    expect(second.trace).toBe(first.trace)
    traces.add(first.trace)
  }
  expect(traces.size).toBe(TWICE)
})

async function told(seed: number): Promise<readonly string[]> {
  const lines: string[] = []
  const { problems } = await runHistory(machine, seed, (line) => void lines.push(line))
  process.stdout.write(`${lines.join('\n')}\n`)
  return problems
}
