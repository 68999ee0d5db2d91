/** Two tenants on one fleet with faults, from a seed each: one floods it, the other has a few tasks. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUSY, openVirtualMachine, QUIET, runHistory, twoTenants } from './bundled.ts'
import { HISTORIES, WITHIN_MS } from './seeds.ts'
import type { VirtualMachine } from './time/virtual-time.ts'

/** Each has 30 times the tasks of a usual history, so these cost as much as 600 usual ones. */
const FLOODED = Math.ceil(HISTORIES / 500)
/** Milliseconds: leases and repairs of a tenth, of each kind once, and the deaths of two nodes. */
const SERVED_WITHIN_MS = 12_000

let machine: VirtualMachine
beforeAll(() => {
  machine = openVirtualMachine()
})
afterAll(() => machine.close())

test(
  'in the simulation, the tasks of a quiet tenant end within a bounded time, even if another tenant floods the fleet and workers die',
  { timeout: WITHIN_MS },
  async () => {
    const quiet: number[] = []
    const busy: number[] = []
    for (let seed = 1; seed <= FLOODED; seed += 1) {
      const { problems, lives } = await runHistory(machine, seed, undefined, twoTenants(seed))
      expect({ seed, problems }).toEqual({ seed, problems: [] })
      for (const { tenant, key, ms } of lives()) {
        if (tenant === BUSY) busy.push(ms)
        if (tenant !== QUIET) continue
        quiet.push(ms)
        expect(ms, `seed ${seed}, ${key}`).toBeLessThan(SERVED_WITHIN_MS)
      }
    }
    // The bound means something: the tasks of the flood themselves wait for much longer.
    expect(median(quiet)).toBeLessThan(median(busy) / 2)
  },
)

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
