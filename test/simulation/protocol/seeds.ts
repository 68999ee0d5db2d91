import { expect } from 'vitest'
import { REACHED, runHistory, type Outcome } from './history.ts'
import type { VirtualMachine } from './time/virtual-time.ts'

/** Rare faults of two at once are among so many; a switched-off safeguard is among the first hundreds. */
export const HISTORIES = Number(process.env['HISTORIES'] ?? 10_000)
/** Ten times what they take on a free core: a busy machine must not break them. */
export const WITHIN_MS = 600_000

/** Runs the histories of these seeds; the first one with a problem is thrown, with how to see it again. */
export async function runSeeds(machine: VirtualMachine, from: number, to: number): Promise<void> {
  const reached = new Set<string>()
  for (let seed = from; seed <= to; seed += 1) {
    const outcome = await runHistory(machine, seed)
    for (const each of outcome.reached) reached.add(each)
    if (outcome.problems.length > 0) throw new Error(described(outcome))
  }
  expect(REACHED.filter((each) => !reached.has(each))).toEqual([])
}

function described({ seed, problems }: Outcome): string {
  const file = 'test/simulation/protocol/protocol.test.ts'
  const again = `SEED=${seed} npx vitest run --silent=false --project simulation ${file}`
  return `seed ${seed}: ${problems.join('; ')}\nThe whole history: ${again}`
}
