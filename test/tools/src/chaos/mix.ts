import { setTimeout as delay } from 'node:timers/promises'
import type { TaskRequest, TaskView } from '@agentfleet/protocol'
import { seededRandom } from '../simulate/random.ts'
import type { Caller, Errand } from './callers.ts'
import { CLOSED_MODEL, LEAD_MODEL, PAY_MODEL, PAY_TOOL } from './scripts.ts'

/**
 * The load of a chaos run: mostly plain tasks, and a share of each other thing that users do. The seed and the
 * number of an errand decide which errand it is and how it goes.
 */

/** What users do in addition to plain tasks; the tasks of an errand carry its name in their metadata. */
export const FEATURES = [
  'dependencies',
  'batch',
  'delay',
  'retries',
  'approval',
  'delegation',
  'goal',
  'replay',
] as const
/** A thing that users do. */
export type Feature = (typeof FEATURES)[number]
/** The name of the metadata that holds the feature; children inherit it. */
export const FEATURE_KEY = 'feature'

/** Parts of the errands, out of one; the rest are plain tasks. */
const SHARES: Readonly<Record<Feature, number>> = {
  dependencies: 0.03,
  batch: 0.01,
  delay: 0.02,
  retries: 0.03,
  approval: 0.02,
  delegation: 0.015,
  // Five tasks each.
  goal: 0.01,
  replay: 0.01,
}

/** Between two looks at a task, milliseconds. */
const LOOK_EVERY_MS = 250
/** A task that an errand follows has moved within this, even if servers are away again and again, milliseconds. */
const MOVES_WITHIN_MS = 300_000

/** The n-th errand of the run with this seed. */
export function errandOf(seed: number, n: number): Errand {
  const random = seededRandom(Math.imul(seed, 1_000_003) + n)
  // The first numbers of neighbouring seeds are alike.
  random()
  let left = random()
  for (const feature of FEATURES) {
    left -= SHARES[feature]
    if (left >= 0) continue
    const mark = <T extends object>(asked: T) => ({
      ...asked,
      metadata: { [FEATURE_KEY]: feature },
    })
    return (caller) => ERRANDS[feature]({ caller, random, mark })
  }
  return plain(n)
}

interface Situation {
  readonly caller: Caller
  readonly random: () => number
  /** Marks a request as part of this errand. */
  readonly mark: <T extends object>(asked: T) => T & Pick<TaskRequest, 'metadata'>
}

const SHORT = { task: 'x', model: 'sim?ttft=100&tokens=5' }

const ERRANDS: Readonly<Record<Feature, (situation: Situation) => Promise<void>>> = {
  async dependencies({ caller, random, mark }) {
    const fails = random() < 0.3
    const first = await caller.submit(mark(fails ? FAILS : SHORT))
    const after = { ...SHORT, dependsOn: [first.id] }
    const second = await caller.submit(mark(random() < 0.5 ? after : { ...after, ...CONTINUES }))
    const both = { ...SHORT, dependsOn: [first.id, second.id], ...CONTINUES }
    await caller.submit(mark(random() < 0.5 ? both : { ...both, delayMs: delayOf(random) }))
    if (random() < 0.15) await caller.cancel(random() < 0.5 ? first.id : second.id)
  },
  async batch({ caller, mark }) {
    const tasks = [SHORT, SHORT, { ...SHORT, dependsOn: ['#0', '#1'] }]
    await caller.submitBatch(tasks.map(mark))
  },
  async delay({ caller, random, mark }) {
    const delayMs = delayOf(random)
    const notBefore = new Date(Date.now() + delayMs).toISOString()
    const time = random() < 0.5 ? { delayMs } : { notBefore }
    const { id } = await caller.submit(mark({ ...SHORT, ...time }))
    if (random() < 0.1) await caller.cancel(id)
  },
  async retries({ caller, random, mark }) {
    const draw = random()
    // Their models have separate breakers, so plain tasks do not notice these failures.
    const task =
      draw < 0.4
        ? { task: 'x', model: 'sim?ttft=101&tokens=5&fault=500&times=2', maxAttempts: 5 }
        : draw < 0.7
          ? { task: 'x', model: 'sim?ttft=102&tokens=5&fault=cut&times=1', maxAttempts: 5 }
          : { task: 'x', model: CLOSED_MODEL, tools: ['warehouse'], maxAttempts: 2 }
    await caller.submit(mark(task))
  },
  async approval({ caller, random, mark }) {
    const task = { task: 'Pay', model: PAY_MODEL, tools: [PAY_TOOL] }
    const { id } = await caller.submit(mark(task))
    await followed(caller, id, async ({ step }) => {
      if (random() < 0.1) await caller.cancel(id)
      else await caller.approve(id, step, random() < 0.6)
    })
  },
  async delegation({ caller, random, mark }) {
    const task = { task: 'Lead', model: LEAD_MODEL, tools: ['delegate'] }
    const { id } = await caller.submit(mark(task))
    if (random() < 0.2) await cancelSoon(caller, id, random)
    else await followed(caller, id)
  },
  async goal({ caller, random, mark }) {
    const run = random() < 0.7
    const goal = { goal: 'Ship', model: 'sim-planner?ttft=50&tps=0&tokens=5', run }
    const id = await caller.submitGoal(mark(goal))
    if (random() < 0.2) await cancelSoon(caller, id, random)
    else await followed(caller, id, ({ step }) => caller.runGoal(id, step))
  },
  async replay({ caller, random, mark }) {
    const task = random() < 0.3 ? FAILS : { task: 'Work in steps.', model: 'sim-steps?n=3&ms=50' }
    const { id } = await caller.submit(mark(task))
    await followed(caller, id)
    await caller.replay(id)
  },
}

const FAILS = { task: 'x', model: 'sim?ttft=103&fault=500', maxAttempts: 1 }
const CONTINUES = { onDependencyFailure: 'continue' } as const

/** Short and long runs, a delay, held answers, cancelled tasks. */
function plain(n: number): Errand {
  return async (caller) => {
    switch (n % 10) {
      case 0:
        return void (await caller.submit({ task: 'x', model: 'echo' }, { waitSeconds: 5 }))
      case 1:
      case 2:
        return void (await caller.submit({ task: 'Work in steps.', model: 'sim-steps?n=3&ms=200' }))
      case 3: {
        const { id } = await caller.submit({ task: 'x', model: 'sim?ttft=300&tokens=5' })
        return caller.cancel(id)
      }
      case 4: {
        const notBefore = new Date(Date.now() + 2_000).toISOString()
        return void (await caller.submit({ task: 'x', model: 'echo?ms=100', notBefore }))
      }
      case 5:
        return void (await caller.submit(SHORT, { waitSeconds: 5 }))
      default:
        return void (await caller.submit(SHORT))
    }
  }
}

/** Up to five seconds, so that the time until all tasks have ended does not depend on it. */
function delayOf(random: () => number): number {
  return Math.round(random() * 5_000)
}

/** Follows a task until it has ended; `decide` answers each step that waits for approval. */
async function followed(
  caller: Caller,
  taskId: string,
  decide?: (asked: { readonly step: number }) => Promise<void>,
): Promise<void> {
  let seen = ''
  let giveUpAtMs = Infinity
  for (;;) {
    const view = await caller.read(taskId)
    const { state, waitingFor, attempt } = view
    if (hasEnded(view)) return
    if (waitingFor?.kind === 'approval' && waitingFor.step !== undefined && decide !== undefined) {
      await decide({ step: waitingFor.step })
    }
    const now = JSON.stringify([state, attempt, waitingFor])
    if (now !== seen) giveUpAtMs = performance.now() + MOVES_WITHIN_MS
    else if (performance.now() > giveUpAtMs) throw new Error(`${taskId} does not move: ${now}`)
    seen = now
    await delay(LOOK_EVERY_MS)
  }
}

async function cancelSoon(caller: Caller, taskId: string, random: () => number): Promise<void> {
  await delay(random() * 1_500)
  await caller.cancel(taskId)
}

function hasEnded({ state }: TaskView): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled'
}
