import { defineQuestion, type Advice, type Adviser } from '@agentfleet/adviser'
import {
  LEVELS,
  prepareAdvice,
  selectNode,
  settleAdvice,
  type AdviceQuestion,
  type PlacementDecision,
} from '@agentfleet/domain'
import type { Seen as SeenFigures } from '@agentfleet/adviser'
import { z } from 'zod'
import type { Recorder } from './decisions.ts'
import type { Held } from './in-hand.ts'
import type { BalancerMetrics } from '../metrics.ts'
import type { Seen } from '../nodes/view.ts'

/**
 * Tasks that ask to be placed with advice: `placement: "advised"`.
 *
 * States of such a task: unasked → waiting (no longer than the question's two seconds) → answered → placed.
 * Invariants: only these tasks wait, a bounded number of them, and each is asked about once; the
 * adviser gets figures and labels, never a name or a text; its answer counts only for a node that could
 * have the task by the policy too; in mode `shadow` nothing waits and nothing is applied.
 */
export interface Advising {
  /** Where an advised task goes; `waits`: it comes back by itself when there is an answer. */
  decide(item: Held, seen: Seen): PlacementDecision | 'waits'
  /** Tasks that wait for an answer. */
  waiting(): number
  /** Asks nobody any more; what waited comes back at once. */
  close(): void
}

/** Tasks that wait at once, as many as an adviser asks at once; the policy places the ones above that. */
const WAITING_MAX = 8
/** Longest that a task waits for advice. */
const ADVICE_WITHIN_MS = 2_000
/** A fleet that looks the same gets the same answer for this long, milliseconds. */
const ADVICE_TTL_MS = 30_000
/** As many as `prepareAdvice` ever names. */
const LABELS = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8'] as const

const INSTRUCTION = `You choose the worker node for one task of a fleet. You see the requirement classes of
the task (cpu, memory) and a row for each node that can take it, best first by the deterministic policy:
choice (its label), score (lower is better: share of its slots, processor and memory in use), free (tasks that
it can take now), slots, active (tasks on it), cpu and memory (shares in use), lagMs (lateness of its event
loop), responseMs (mean time that a task takes there; 0: not known). Answer with the label of one of the rows.
When the figures do not speak against it, answer n1, which the policy prefers.`

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
  // Another node is no lesser form of a wrong one: what is no candidate is left to the policy.
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

/** What advising needs. */
export interface AdvisingDeps {
  readonly adviser: Adviser
  readonly recorder: Pick<Recorder, 'advised'>
  readonly metrics: BalancerMetrics
  readonly random: () => number
}

/** Nobody waits yet; `back` gets each task whose answer is there. */
export function createAdvising(deps: AdvisingDeps, back: (item: Held) => void): Advising {
  const { adviser, recorder, metrics, random } = deps
  const closing = new AbortController()
  const known = new WeakSet<Held>()
  const answers = new WeakMap<Held, Answered>()
  let waiting = 0

  const settle = (item: Held, { asked, advice }: Answered, seen: Seen): PlacementDecision => {
    const answer = advice.kind === 'applied' ? advice.answer : undefined
    const { loads, limits } = seen
    const policy = selectNode(loads, item.pointer, limits, random)
    const settled = settleAdvice(asked, answer, loads, item.pointer, limits, random)
    // Without a credit anywhere the answer is kept for the next try.
    if (settled.decision.kind === 'hold') return settled.decision
    answers.delete(item)
    // What the policy says is said once: ties are split by chance.
    const decision = settled.use === 'followed' ? settled.decision : policy
    metrics.advised.inc({ use: settled.use })
    if (advice.record !== undefined) {
      recorder.advised({ item, decision, policy, use: settled.use, advice: advice.record })
    }
    return decision
  }

  const askInShadow = (item: Held, asked: AdviceQuestion, decision: PlacementDecision): void => {
    waiting += 1
    void adviser.ask(question, figuresOf(asked, item), closing.signal).then(({ record }) => {
      waiting -= 1
      metrics.advised.inc({ use: 'shadow' })
      if (record === undefined) return
      recorder.advised({ item, decision, policy: decision, use: 'shadow', advice: record })
    })
  }

  return {
    waiting: () => (adviser.mode === 'on' ? waiting : 0),
    close: () => closing.abort(),
    decide(item, seen) {
      const { loads, limits } = seen
      const answered = answers.get(item)
      if (answered !== undefined) return settle(item, answered, seen)
      const alone = (): PlacementDecision => selectNode(loads, item.pointer, limits, random)
      if (adviser.mode === 'off' || closing.signal.aborted || known.has(item)) return alone()
      if (waiting >= WAITING_MAX) {
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
      waiting += 1
      // Resolves within its time and never rejects.
      void adviser.ask(question, figuresOf(asked, item), closing.signal).then((advice) => {
        waiting -= 1
        answers.set(item, { asked, advice })
        back(item)
      })
      return 'waits'
    },
  }
}

/** Figures and labels only; which node a label stands for stays here. */
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
