import { startArrivals } from './balancing-arrivals.ts'
import { createVirtualClock } from './balancing-clock.ts'
import { createOurs } from './balancing-ours.ts'
import { createRival, RIVALS, type Rival } from './balancing-rivals.ts'
import { SCENARIOS, type Scenario } from './balancing-scenarios.ts'
import { createWorld, type Policy, type Tally } from './balancing-world.ts'
import { seededRandom } from './random.ts'

/** What one policy did in one scenario; waits in milliseconds. */
export interface PolicyFigures {
  readonly policy: 'ours' | Rival
  readonly tasks: number
  readonly waitP50Ms: number
  readonly waitP99Ms: number
  readonly waitP999Ms: number
  /** Share of slot time in use. */
  readonly slotUse: number
  readonly failedAttempts: number
  readonly overcommit: number
}

/** One scenario: every policy, and ours beside the best of the others. */
export interface ScenarioFigures {
  readonly scenario: string
  readonly policies: readonly PolicyFigures[]
  readonly best: 'ours' | Rival
  /** p99 wait of ours by that of the best of all policies, ours among them. */
  readonly ratio: number
}

/** The whole comparison. */
export interface BalancingReport {
  readonly seed: number
  readonly scenarios: readonly ScenarioFigures[]
  readonly worstRatio: number
  /** Whether ours is within the bound everywhere. */
  readonly holds: boolean
}

/** Our p99 wait may be this many times that of the best policy, in every scenario. */
export const RATIO_MAX = 1.1

/** Compares the policies in all scenarios; the same seed gives the same figures. */
export async function simulateBalancing(options: {
  readonly seed: number
  readonly say: (line: string) => void
  readonly scenarios?: readonly Scenario[]
}): Promise<BalancingReport> {
  const { seed, say } = options
  const worlds = options.scenarios ?? SCENARIOS
  const scenarios: ScenarioFigures[] = []
  say(`placement: wait before a slot, policies compared in ${worlds.length} worlds, seed ${seed}`)
  say(HEADER)
  for (const scenario of worlds) {
    const figures = compare(scenario, seed)
    scenarios.push(figures)
    for (const line of linesOf(figures)) say(line)
    // Ctrl-C gets through between scenarios.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const worstRatio = Math.max(...scenarios.map(({ ratio }) => ratio))
  const holds = worstRatio <= RATIO_MAX
  say(
    `largest ours / best of p99: ${worstRatio.toFixed(2)} (bound ${RATIO_MAX}: ${holds ? 'holds' : 'BROKEN'})`,
  )
  return { seed, scenarios, worstRatio, holds }
}

/** All policies in one scenario, each with the same tasks. */
export function compare(scenario: Scenario, seed: number): ScenarioFigures {
  const policies = (['ours', ...RIVALS] as const).map((policy) => play(scenario, policy, seed))
  const best = policies.reduce((a, b) => (b.waitP99Ms < a.waitP99Ms ? b : a))
  const ours = policies[0]!
  const ratio = ours.waitP99Ms / best.waitP99Ms
  return { scenario: scenario.name, policies, best: best.policy, ratio }
}

function play(scenario: Scenario, policy: 'ours' | Rival, seed: number): PolicyFigures {
  const clock = createVirtualClock()
  const chance = seededRandom(seed * 7_919 + 1)
  let player: Policy | undefined
  const world = createWorld(clock, scenario, chance, () => player!)
  player =
    policy === 'ours'
      ? createOurs(clock, world, scenario.balancers, chance)
      : createRival(policy, clock, world, chance)
  // Chance of their own: every policy meets the same tasks.
  startArrivals(clock, scenario, seededRandom(seed), player.arrive)
  clock.run(scenario.lengthMs)
  return figuresOf(policy, world.tally)
}

function figuresOf(policy: 'ours' | Rival, tally: Tally): PolicyFigures {
  const waits = Float64Array.from(tally.waits).sort()
  const at = (share: number): number =>
    waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0
  return {
    policy,
    tasks: waits.length,
    waitP50Ms: at(0.5),
    waitP99Ms: at(0.99),
    waitP999Ms: at(0.999),
    slotUse: tally.usedMs / tally.slotMs,
    failedAttempts: tally.failedAttempts,
    overcommit: tally.overcommit,
  }
}

const HEADER =
  'scenario                       policy             tasks   p50 ms   p99 ms  p99.9 ms  slots  failed  ours/best'

function linesOf({ scenario, policies, best, ratio }: ScenarioFigures): readonly string[] {
  return policies.map((figures, index) =>
    [
      (index === 0 ? scenario : '').padEnd(30),
      (figures.policy === best ? `${figures.policy} *` : figures.policy).padEnd(17),
      String(figures.tasks).padStart(6),
      figures.waitP50Ms.toFixed(1).padStart(8),
      figures.waitP99Ms.toFixed(1).padStart(8),
      figures.waitP999Ms.toFixed(1).padStart(9),
      `${(figures.slotUse * 100).toFixed(1)}%`.padStart(6),
      String(figures.failedAttempts).padStart(7),
      index === 0 ? ratio.toFixed(2).padStart(9) : '',
    ].join(' '),
  )
}
