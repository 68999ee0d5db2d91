/** The second half of the seeds, so that both cores of a machine have work. */
import { afterAll, beforeAll, test } from 'vitest'
import { openVirtualMachine } from './bundled.ts'
import { HISTORIES, runSeeds, WITHIN_MS } from './seeds.ts'
import type { VirtualMachine } from './time/virtual-time.ts'

let machine: VirtualMachine
beforeAll(() => {
  machine = openVirtualMachine()
})
afterAll(() => machine.close())

test(
  'every simulated history with a seed of the second half keeps the invariants and ends its tasks (L1 to L8)',
  { timeout: WITHIN_MS },
  () => runSeeds(machine, Math.ceil(HISTORIES / 2) + 1, HISTORIES),
)
