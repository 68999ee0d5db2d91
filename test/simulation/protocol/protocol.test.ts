/**
 * Thousands of short lives of a fleet, each from its seed: the product's own services in virtual time,
 * while processes die between two messages, stand still and are cut off, while messages are lost, late
 * and doubled, and while clocks jump. Every history is judged by the invariants that chaos tests use.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { REACHED, runHistory, type Outcome } from './history.ts'
import { openVirtualMachine, type VirtualMachine } from './time/virtual-time.ts'

vi.mock('../../../libs/runtime/src/loop.ts', async () => ({
  every: (await import('./stand-ins/loop.ts')).simulatedEvery,
}))
vi.mock('../../../services/worker/src/heartbeat/heartbeats.ts', async () => ({
  createHeartbeats: (await import('./stand-ins/worker.ts')).createSimulatedHeartbeats,
}))
vi.mock('../../../services/worker/src/llm/llm.ts', async () => ({
  createLlm: (await import('./stand-ins/worker.ts')).createSimulatedLlm,
}))
vi.mock('../../../services/worker/src/metrics.ts', async () => ({
  createMetrics: (await import('./stand-ins/worker.ts')).createSimulatedMetrics,
}))

/** Rare faults of two at once are among so many; a switched-off safeguard is among the first hundreds. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 10_000)
/** Tells the history of this seed, and no other. */
const SEED = process.env['SEED']
const TWICE = 50
/** Ten times what they take on a free core: a busy machine must not break them. */
const WITHIN_MS = 600_000

let machine: VirtualMachine
beforeAll(() => {
  machine = openVirtualMachine()
})
afterAll(() => machine.close())

test(
  'every history keeps the invariants and ends its tasks, whatever fails (L1 to L8)',
  { timeout: WITHIN_MS },
  async () => {
    if (SEED !== undefined) {
      expect(await told(Number(SEED))).toEqual([])
      return
    }
    const reached = new Set<string>()
    for (let seed = 1; seed <= HISTORIES; seed += 1) {
      const outcome = await runHistory(machine, seed)
      for (const each of outcome.reached) reached.add(each)
      if (outcome.problems.length > 0) throw new Error(described(outcome))
    }
    expect(REACHED.filter((each) => !reached.has(each))).toEqual([])
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

function described({ seed, problems }: Outcome): string {
  const file = 'test/simulation/protocol/protocol.test.ts'
  const again = `SEED=${seed} npx vitest run --silent=false --project unit ${file}`
  return `seed ${seed}: ${problems.join('; ')}\nThe whole history: ${again}`
}
