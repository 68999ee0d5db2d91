import { setImmediate } from 'node:timers/promises'
import { startArrivals } from './arrivals.ts'
import { createVirtualClock } from './clock.ts'
import { createOurs } from './ours.ts'
import { createRival, REFERENCE, RIVALS, type Rival } from './rivals.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { createWorld, type Policy, type Tally } from './world.ts'
import { seededRandom } from '../random.ts'

/** Results of one policy in one scenario; waits in milliseconds. */
interface PolicyFigures {
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

/** One scenario: every policy, and ours next to the best of the others. */
interface ScenarioFigures {
  readonly scenario: string
  readonly policies: readonly PolicyFigures[]
  /** The best of all policies but the reference, ours among them. */
  readonly best: 'ours' | Rival
  /** Our p99 wait divided by that of the best of the others; see `ratioOf`. */
  readonly ratio: number
}

/** The whole comparison. */
interface BalancingReport {
  readonly seed: number
  readonly scenarios: readonly ScenarioFigures[]
  readonly worstRatio: number
  /** Whether ours is within the bound everywhere. */
  readonly holds: boolean
}

/** Our p99 wait may be this many times that of the best other policy, in every scenario. */
export const RATIO_MAX = 1.1
/** Smaller differences of waits count as none: a few hops of messages, irrelevant to an agent of seconds. */
const RESOLUTION_MS = 5

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
    // Lets Ctrl-C through between scenarios.
    await setImmediate()
  }
  const worstRatio = Math.max(...scenarios.map(({ ratio }) => ratio))
  const holds = worstRatio <= RATIO_MAX
  say(`* the best; ${REFERENCE} is a reference: it sees every node's current state, which no`)
  say(`  load balancer can. Differences below ${RESOLUTION_MS} ms count as none.`)
  say(
    `largest ours / best other of p99: ${worstRatio.toFixed(2)} (bound ${RATIO_MAX}: ${holds ? 'holds' : 'BROKEN'})`,
  )
  return { seed, scenarios, worstRatio, holds }
}

/** The comparison over several seeds, as the worst of each scenario; the policy knows none of them. */
export async function simulateBalancingSeeds(options: {
  readonly seed: number
  readonly seeds: number
  readonly say: (line: string) => void
  readonly scenarios?: readonly Scenario[]
}): Promise<readonly SeedsFigures[]> {
  const { say, seeds } = options
  const worlds = options.scenarios ?? SCENARIOS
  const all: SeedsFigures[] = []
  say(`placement: our p99 wait divided by that of the best other policy, ${seeds} seeds`)
  say(`${'scenario'.padEnd(30)} ${'worst'.padStart(6)} ${'seed'.padStart(5)}  every seed`)
  for (const scenario of worlds) {
    const ratios: number[] = []
    for (let seed = options.seed; seed < options.seed + seeds; seed += 1) {
      ratios.push(compare(scenario, seed).ratio)
      await setImmediate()
    }
    const worst = Math.max(...ratios)
    const worstSeed = options.seed + ratios.indexOf(worst)
    all.push({ scenario: scenario.name, worst, worstSeed })
    const each = ratios.map((ratio) => ratio.toFixed(2)).join(' ')
    say(
      `${scenario.name.padEnd(30)} ${worst.toFixed(2).padStart(6)} ${String(worstSeed).padStart(5)}  ${each}`,
    )
  }
  const broken = all.filter(({ worst }) => worst > RATIO_MAX).length
  say(`the bound of ${RATIO_MAX} holds in ${all.length - broken} of ${all.length} worlds`)
  return all
}

/** The worst seed of one scenario. */
interface SeedsFigures {
  readonly scenario: string
  readonly worst: number
  readonly worstSeed: number
}

/** All policies in one scenario, each with the same tasks. */
export function compare(scenario: Scenario, seed: number): ScenarioFigures {
  const policies = (['ours', ...RIVALS] as const).map((policy) => play(scenario, policy, seed))
  const real = policies.filter(({ policy }) => policy !== REFERENCE)
  const best = real.reduce((a, b) => (b.waitP99Ms < a.waitP99Ms ? b : a))
  const [ours, ...others] = real.map(({ waitP99Ms }) => waitP99Ms)
  const ratio = ratioOf(ours ?? 0, Math.min(...others))
  return { scenario: scenario.name, policies, best: best.policy, ratio }
}

function ratioOf(oursMs: number, bestMs: number): number {
  return Math.abs(oursMs - bestMs) < RESOLUTION_MS ? 1 : oursMs / bestMs
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
  // A separate source of randomness: every policy meets the same tasks.
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
      nameOf(figures.policy, best).padEnd(17),
      String(figures.tasks).padStart(6),
      figures.waitP50Ms.toFixed(1).padStart(8),
      figures.waitP99Ms.toFixed(1).padStart(8),
      figures.waitP999Ms.toFixed(1).padStart(9),
      `${(figures.slotUse * 100).toFixed(1)}%`.padStart(6),
      String(figures.failedAttempts).padStart(7),
      index === 0 ? ratio.toFixed(2).padStart(10) : '',
    ]
      .join(' ')
      .trimEnd(),
  )
}

function nameOf(policy: 'ours' | Rival, best: 'ours' | Rival): string {
  if (policy === REFERENCE) return `(${policy})`
  return policy === best ? `${policy} *` : policy
}
