import {
  defineQuestion,
  type Advice,
  type Adviser,
  type Seen as SeenFigures,
} from '@agentfleet/adviser'
import {
  createTally,
  decideShare,
  LEVELS,
  prepareAdvice,
  selectNode,
  settleAdvice,
  type AdviceQuestion,
  type PlacementDecision,
} from '@agentfleet/domain'
import { z } from 'zod'
import type { Recorder } from './decisions.ts'
import type { Held } from './in-hand.ts'
import type { BalancerMetrics } from '../metrics.ts'
import type { Seen } from '../nodes/view.ts'

/** What places tasks that ask for advice. */
export type Advising = ReturnType<typeof createAdvising>

/** Tasks that wait at once, equal to the adviser's parallel questions; the policy places further tasks. */
const WAITING_MAX = 8
/** Milliseconds that a task waits for advice. */
const ADVICE_WITHIN_MS = 2_000
/** Milliseconds for which a fleet that looks the same gets the same answer. */
const ADVICE_TTL_MS = 30_000
/** As many labels as `prepareAdvice` uses. */
const LABELS = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8'] as const

const INSTRUCTION = `You choose the worker node for one task of a fleet. You see the requirement classes of
the task (cpu, memory) and one row for each node that can take the task. A deterministic policy has sorted the
rows, the best node first. choice is the label of the node. score is the share of its slots, processor and memory
in use; a lower score is better. free is the number of tasks that the node can take now. slots is the number of
its slots. active is the number of tasks on the node. cpu and memory are the shares in use. lagMs is the delay of
its event loop. responseMs is the mean duration of a task on the node; 0 means that the duration is not known.
Answer with the label of one row. Answer n1, which the policy prefers, unless the figures show a better node.`

const question = defineQuestion({
  name: 'placement',
  instruction: INSTRUCTION,
  seen: {
    cpu: LEVELS,
    memory: LEVELS,
    nodes: {
      rowsMax: LABELS.length,
      row: {
        choice: LABELS,
        score: 'number',
        free: 'number',
        slots: 'number',
        active: 'number',
        cpu: 'number',
        memory: 'number',
        lagMs: 'number',
        responseMs: 'number',
      },
    },
  },
  schema: z.strictObject({ choice: z.enum(LABELS) }),
  // A wrong node has no nearest valid one, so the policy decides instead.
  clamp: (answer) => ({ answer, clamped: [] }),
  followsPolicy: ({ choice }) => choice === LABELS[0],
  bucket: ({ cpu, memory, nodes }) => ({
    classes: `${cpu} ${memory}`,
    nodes: nodes
      .map(
        (node) =>
          [node.score, node.cpu, node.memory].map(tenths).join('-') +
          (node.free > 9 ? 'f' : node.free),
      )
      .join(' '),
  }),
  ttlMs: ADVICE_TTL_MS,
  timeoutMs: ADVICE_WITHIN_MS,
})
type Figures = SeenFigures<(typeof question)['seen']>
type Choice = z.infer<(typeof question)['schema']>

interface Answered {
  readonly asked: AdviceQuestion
  readonly advice: Advice<Choice>
}

interface AdvisingDeps {
  readonly adviser: Adviser
  readonly recorder: Pick<Recorder, 'advised'>
  readonly metrics: BalancerMetrics
  readonly random: () => number
  /** Returns 1 while only one tenant has tasks, and more otherwise. */
  readonly tenants: () => number
}

/**
 * Tasks that ask for advised placement (`placement: "advised"`); `back` receives each task whose answer has arrived.
 *
 * States of such a task: unasked → waiting (at most two seconds) → answered → placed. Invariants:
 * only these tasks wait, at most WAITING_MAX at once, and each is asked about once; a tenant has at most its share
 * of these places and of the adviser's hour (ADR 053), and the policy places its further tasks at once; the adviser
 * gets figures and labels, never a name or a text; an answer counts only if the policy also allows
 * the node; in mode `shadow` no task waits and no answer is applied.
 */
export function createAdvising(deps: AdvisingDeps, back: (item: Held) => void) {
  const { adviser, recorder, metrics, random, tenants } = deps
  const closing = new AbortController()
  const known = new WeakSet<Held>()
  const answers = new WeakMap<Held, Answered>()
  const waiting = createTally()
  const ask = (item: Held, asked: AdviceQuestion): Promise<Advice<Choice>> => {
    const payer = { tenant: item.pointer.tenant, tenants: tenants() }
    return adviser.ask(question, figuresOf(asked, item), closing.signal, payer)
  }

  const settle = (item: Held, { asked, advice }: Answered, seen: Seen): PlacementDecision => {
    const answer = advice.kind === 'applied' ? advice.answer : undefined
    const { loads, limits } = seen
    const policy = selectNode(loads, item.pointer, limits, random)
    const settled = settleAdvice(asked, answer, loads, item.pointer, limits, random)
    // If no node has a credit, the answer is kept for the next try.
    if (settled.decision.kind === 'hold') return settled.decision
    answers.delete(item)
    // The policy decides only once, because it breaks ties at random.
    const decision = settled.use === 'followed' ? settled.decision : policy
    metrics.advised.inc({ use: settled.use })
    if (advice.record !== undefined) {
      recorder.advised({ item, decision, policy, use: settled.use, advice: advice.record })
    }
    return decision
  }

  const askInShadow = (item: Held, asked: AdviceQuestion, decision: PlacementDecision): void => {
    const { tenant } = item.pointer
    waiting.add(tenant, 1)
    void ask(item, asked).then(({ record }) => {
      waiting.add(tenant, -1)
      metrics.advised.inc({ use: 'shadow' })
      if (record === undefined) return
      recorder.advised({ item, decision, policy: decision, use: 'shadow', advice: record })
    })
  }

  return {
    /** Returns the number of tasks that wait for an answer. */
    waiting: () => (adviser.mode === 'on' ? waiting.total() : 0),
    /** Stops asking; the waiting tasks return at once. */
    close: () => closing.abort(),
    /** Decides where an advised task goes; `waits`: the task returns through `back` when the answer is there. */
    decide(item: Held, seen: Seen): PlacementDecision | 'waits' {
      const { loads, limits } = seen
      const { tenant } = item.pointer
      const answered = answers.get(item)
      if (answered !== undefined) return settle(item, answered, seen)
      const alone = (): PlacementDecision => selectNode(loads, item.pointer, limits, random)
      if (adviser.mode === 'off' || closing.signal.aborted || known.has(item)) return alone()
      if (!hasPlace(waiting.total(), waiting.of(tenant), tenants())) {
        metrics.advised.inc({ use: 'too-many-wait' })
        return alone()
      }
      const asked = prepareAdvice(loads, item.pointer, limits)
      if (asked === undefined) return alone()
      known.add(item)
      if (adviser.mode === 'shadow') {
        const decision = alone()
        askInShadow(item, asked, decision)
        return decision
      }
      waiting.add(tenant, 1)
      // `ask` resolves within its time and never rejects.
      void ask(item, asked).then((advice) => {
        waiting.add(tenant, -1)
        answers.set(item, { asked, advice })
        back(item)
      })
      return 'waits'
    },
  }
}

/** Whether one more task may wait for advice: at most WAITING_MAX do, and of each tenant its share. */
function hasPlace(used: number, own: number, tenants: number): boolean {
  const share = { capacity: WAITING_MAX, used, own, ask: 1, tenants }
  return used < WAITING_MAX && decideShare(share).kind === 'take'
}

/** Returns figures and labels only; the node behind a label stays in this process. */
function figuresOf({ figures, choices }: AdviceQuestion, { pointer }: Held): Figures {
  const numberOf = (label: string, name: string): number => Number(figures[`${label}.${name}`] ?? 0)
  return {
    cpu: pointer.cpu,
    memory: pointer.memory,
    nodes: LABELS.slice(0, choices.length).map((choice) => ({
      choice,
      score: numberOf(choice, 'score'),
      free: numberOf(choice, 'free'),
      slots: numberOf(choice, 'slots'),
      active: numberOf(choice, 'active'),
      cpu: numberOf(choice, 'cpu'),
      memory: numberOf(choice, 'memory'),
      lagMs: numberOf(choice, 'lagMs'),
      responseMs: numberOf(choice, 'responseMs'),
    })),
  }
}

function tenths(value: number): number {
  return Math.round(value * 10)
}
