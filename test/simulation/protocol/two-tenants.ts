import type { TaskSpec } from '@agentfleet/domain'
import { planOf, type Plan, type PlannedTask } from './plan.ts'
import { chanceOf, oneOf, wholeOf, type Chance } from './time/random.ts'

/** The tenant that floods the fleet, and the one with a few tasks. */
export const BUSY = 'busy'
export const QUIET = 'quiet'

const FLOOD = 60
const FEW = 3
/** Characters: the task has no room in its pointer, so it needs a fenced start. */
const BIG = 20_000

/**
 * The faults of a seed, with other tasks: one tenant sends many tasks at once (long, big, delayed, with deadlines that
 * pass, of every class and priority), and workers die while they run; another one sends a few in the midst.
 */
export function twoTenants(seed: number): Plan {
  const plan = planOf(seed)
  const chance = chanceOf(seed ^ 0x0bad_cafe)
  const { sizes, temper } = plan
  const workers = Array.from({ length: sizes.worker }, (_, index) => index)
  const first = sizes.gateway + sizes.coordinator + sizes['load-balancer']
  const deaths = workers.map((index) => ({
    member: first + index,
    effect: wholeOf(chance, 5, 120),
    before: chance() < 0.5,
    backAfterMs: wholeOf(chance, 20, 1_200),
  }))
  return {
    ...plan,
    crashes: [...plan.crashes, ...deaths],
    // Fairness does not depend on how long a provider takes.
    temper: { ...temper, longShare: 0 },
    tasks: [...floodOf(chance), ...fewOf(chance)],
  }
}

function floodOf(chance: Chance): PlannedTask[] {
  return Array.from({ length: FLOOD }, (_, index) => {
    const lot = chance()
    const spec = {
      ...specOf(chance, 3),
      task: lot < 0.2 ? 'x'.repeat(BIG) : 'plain',
      priority: 'high' as const,
      cpu: oneOf(chance, ['low', 'medium', 'high'] as const),
      ...(lot > 0.8 ? { delayMs: wholeOf(chance, 50, 900) } : {}),
      ...(lot > 0.6 && lot < 0.7 ? { timeoutMs: wholeOf(chance, 200, 1_500) } : {}),
    }
    return taskOf(BUSY, index, wholeOf(chance, 100, 300), spec)
  })
}

function fewOf(chance: Chance): PlannedTask[] {
  return Array.from({ length: FEW }, (_, index) =>
    taskOf(QUIET, index, wholeOf(chance, 300, 1_500), { ...specOf(chance, 1), priority: 'low' }),
  )
}

function taskOf(tenant: string, index: number, atMs: number, spec: TaskSpec): PlannedTask {
  const once = { dependsOn: [], againAtMs: undefined, cancelAtMs: undefined, approved: false }
  return { key: `${tenant}-${index}`, tenant, atMs, spec, ...once }
}

function specOf(chance: Chance, callsMax: number): TaskSpec {
  return {
    task: 'plain',
    agent: 'assistant',
    model: `sim-${wholeOf(chance, 1, callsMax)}`,
    cpu: 'low',
    memory: 'low',
    priority: 'medium',
    timeoutMs: 600_000,
    maxAttempts: 5,
  }
}
