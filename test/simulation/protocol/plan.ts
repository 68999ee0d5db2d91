import type { TaskSpec } from '@agentfleet/domain'
import type { Kind } from './fleet.ts'
import { APPROVE_TASK, DELEGATE_TASK, type Temper } from './stand-ins/provider.ts'
import { chanceOf, oneOf, wholeOf, type Chance } from './time/random.ts'

/** All decisions about a history before it begins, from its seed alone. */
export interface Plan {
  readonly seed: number
  readonly sizes: Readonly<Record<Kind, number>>
  readonly slots: number
  readonly tasks: readonly PlannedTask[]
  readonly crashes: readonly PlannedCrash[]
  readonly freezes: readonly PlannedFreeze[]
  readonly cuts: readonly PlannedFreeze[]
  readonly jumps: readonly {
    readonly atMs: number
    readonly member: number
    readonly byMs: number
  }[]
  readonly restarts: readonly { readonly atMs: number; readonly downMs: number }[]
  readonly wipes: readonly number[]
  readonly network: PlannedNetwork
  readonly temper: Temper
  /** Whether the recovery gives the pointers of dead nodes back, and how long after their death. */
  readonly recoveryAfterMs: number | undefined
  /** From then on no process or message fails. */
  readonly calmAtMs: number
}

/** One submission and the requests of its owner. */
export interface PlannedTask {
  readonly key: string
  readonly tenant: string
  readonly atMs: number
  readonly spec: TaskSpec
  /** Indexes of the tasks that it depends on. */
  readonly dependsOn: readonly number[]
  /** Sent again with the same key although it was answered. */
  readonly againAtMs: number | undefined
  readonly cancelAtMs: number | undefined
  /** The owner's answer when its run asks for approval. */
  readonly approved: boolean
}

/** A process dies at one of its messages. */
interface PlannedCrash {
  readonly member: number
  readonly effect: number
  readonly before: boolean
  readonly backAfterMs: number | undefined
}

/** A process is frozen, or cut off from the bus, for a while. */
interface PlannedFreeze {
  readonly member: number
  readonly atMs: number
  readonly forMs: number
}

/** The fate of messages on the network, as shares of all. */
interface PlannedNetwork {
  readonly lostShare: number
  readonly lateShare: number
  readonly lateMaxMs: number
  readonly twiceShare: number
}

const QUIET: PlannedNetwork = { lostShare: 0, lateShare: 0, lateMaxMs: 0, twiceShare: 0 }

/** Plans the history of a seed. */
export function planOf(seed: number): Plan {
  const chance = chanceOf(seed)
  const sizes = {
    gateway: chance() < 0.2 ? 2 : 1,
    coordinator: chance() < 0.3 ? 2 : 1,
    'load-balancer': chance() < 0.25 ? 2 : 1,
    worker: chance() < 0.75 ? 2 : 3,
  }
  const members = sizes.gateway + sizes.coordinator + sizes['load-balancer'] + sizes.worker
  const member = (): number => wholeOf(chance, 0, members - 1)
  const some = <T>(share: number, most: number, make: () => T): T[] =>
    chance() < share ? Array.from({ length: wholeOf(chance, 1, most) }, make) : []
  const tasks = tasksOf(chance)
  return {
    seed,
    sizes,
    slots: wholeOf(chance, 1, 3),
    tasks,
    crashes: some(0.75, 3, () => ({
      member: member(),
      effect: wholeOf(chance, 1, 24),
      before: chance() < 0.5,
      backAfterMs: chance() < 0.9 ? wholeOf(chance, 20, 1_200) : undefined,
    })),
    freezes: some(0.12, 2, () => ({
      member: member(),
      atMs: wholeOf(chance, 50, 1_200),
      forMs: chance() < 0.9 ? wholeOf(chance, 300, 3_000) : wholeOf(chance, 3_000, 4_500),
    })),
    cuts: some(0.1, 2, () => ({
      member: member(),
      atMs: wholeOf(chance, 50, 1_200),
      forMs: chance() < 0.9 ? wholeOf(chance, 20, 3_000) : wholeOf(chance, 3_000, 4_500),
    })),
    jumps: some(0.1, 2, () => ({
      atMs: wholeOf(chance, 0, 1_200),
      member: member(),
      byMs: oneOf(chance, [-5_000, -500, 500, 5_000]),
    })),
    restarts: some(0.1, 2, () => ({
      atMs: wholeOf(chance, 100, 1_500),
      downMs: wholeOf(chance, 50, 800),
    })),
    wipes: some(0.08, 1, () => wholeOf(chance, 100, 1_500)),
    network: networkOf(chance),
    temper: {
      failureShare: chance() < 0.25 ? 0.25 : 0,
      deferredShare: chance() < 0.1 ? 0.15 : 0,
      longMs: wholeOf(chance, 1_000, 4_500),
      longShare: chance() < 0.06 ? 0.15 : 0,
    },
    recoveryAfterMs: chance() < 0.9 ? wholeOf(chance, 300, 1_500) : undefined,
    calmAtMs: wholeOf(chance, 800, 2_500),
  }
}

function networkOf(chance: Chance): PlannedNetwork {
  if (chance() < 0.6) return QUIET
  return {
    lostShare: oneOf(chance, [0, 0.01, 0.03, 0.1]),
    lateShare: oneOf(chance, [0, 0.02, 0.1]),
    lateMaxMs: oneOf(chance, [50, 500, 4_000]),
    twiceShare: oneOf(chance, [0, 0.03, 0.15]),
  }
}

function tasksOf(chance: Chance): PlannedTask[] {
  const count = oneOf(chance, [1, 1, 2, 2, 3])
  return Array.from({ length: count }, (_, index) => {
    const atMs = wholeOf(chance, 100, 500)
    const dependsOn = index > 0 && chance() < 0.15 ? [wholeOf(chance, 0, index - 1)] : []
    const lot = chance()
    const kind = lot < 0.04 ? DELEGATE_TASK : lot < 0.08 ? APPROVE_TASK : 'plain'
    const spec: { -readonly [K in keyof TaskSpec]: TaskSpec[K] } = {
      task: kind,
      agent: 'assistant',
      model: `sim-${wholeOf(chance, 1, 3)}`,
      cpu: 'low',
      memory: 'low',
      priority: oneOf(chance, ['low', 'medium', 'high'] as const),
      timeoutMs: chance() < 0.12 ? wholeOf(chance, 200, 1_500) : 600_000,
      maxAttempts: wholeOf(chance, 1, 4),
    }
    if (kind === DELEGATE_TASK) spec.tools = ['delegate', 'calculate']
    if (chance() < 0.12) spec.delayMs = wholeOf(chance, 50, 900)
    if (dependsOn.length > 0 && chance() < 0.5) spec.onDependencyFailure = 'continue'
    return {
      key: `key-${index}`,
      tenant: 't',
      atMs,
      spec,
      dependsOn,
      againAtMs: chance() < 0.15 ? atMs + wholeOf(chance, 20, 1_200) : undefined,
      approved: chance() < 0.7,
      cancelAtMs: chance() < 0.12 ? atMs + wholeOf(chance, 10, 900) : undefined,
    }
  })
}
