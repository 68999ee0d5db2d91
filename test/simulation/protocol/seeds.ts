import { expect } from 'vitest'
import { REACHED, runHistory } from './bundled.ts'
import type { Outcome } from './history.ts'
import type { VirtualMachine } from './time/virtual-time.ts'

/** Enough for rare pairs of faults; a switched-off safeguard shows within the first hundreds. */
export const HISTORIES = Number(process.env['HISTORIES'] ?? 10_000)
/** Thirty times their duration on a free core: they share two busy cores with the tests that wait. */
export const WITHIN_MS = 1_200_000

/**
 * Runs the histories of these seeds; throws for the first one with a problem, with the command that repeats it.
 */
export async function runSeeds(machine: VirtualMachine, from: number, to: number): Promise<void> {
  const reached = new Set<string>()
  for (let seed = from; seed <= to; seed += 1) {
    const outcome = await runHistory(machine, seed)
    for (const each of outcome.reached) reached.add(each)
    if (outcome.problems.length > 0) throw new Error(described(outcome))
  }
  expect(REACHED.filter((each) => !reached.has(each))).toEqual([])
}

/** A broken history may have hundreds of problems, and the first ones explain it. */
const PROBLEMS_SHOWN = 10

function described({ seed, problems }: Outcome): string {
  const file = 'test/simulation/protocol/protocol.test.ts'
  const again = `SEED=${seed} npx vitest run --silent=false --project simulation ${file}`
  const shown = problems.slice(0, PROBLEMS_SHOWN).join('; ')
  const more = problems.length > PROBLEMS_SHOWN ? `; ${problems.length} problems in all` : ''
  return `seed ${seed}: ${shown}${more}\nThe whole history: ${again}`
}
