import {
  array,
  assert as check,
  constantFrom,
  integer,
  property,
  record,
  subarray,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decideGoal,
  PLAN_LIMITS,
  planningsOf,
  validatePlan,
  type GoalSpec,
  type JournaledCall,
  type PlanLimits,
  type PlanStep,
  type TaskInput,
} from '../../src/index.ts'

const ROLES = ['developer', 'tester']
const step = (id: string, ...dependsOn: string[]): PlanStep => ({
  id,
  role: 'developer',
  task: `do ${id}`,
  dependsOn,
})
const check_ = (steps: unknown, limits: PlanLimits = PLAN_LIMITS) =>
  validatePlan({ summary: 's', steps }, limits, ROLES)

describe('the plan of a goal', () => {
  it('with long roles and dependencies has short problems, because a failure and a prompt repeat them', () => {
    const long = 'x'.repeat(100_000)
    for (const wrong of [{ ...step('a'), role: long }, step('a', long)]) {
      const result = check_([wrong])
      expect(result.kind).toBe('invalid')
      expect(JSON.stringify(result).length).toBeLessThan(200)
    }
  })

  it('in the form of a diamond is valid, and each step comes after the steps that it depends on', () => {
    const result = check_([step('d', 'b', 'c'), step('b', 'a'), step('c', 'a'), step('a')])
    expect(result).toMatchObject({ kind: 'ok', depth: 3 })
    expect(result.kind === 'ok' && result.plan.steps.map(({ id }) => id)).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
  })

  it.each<[string, unknown, RegExp]>([
    ['a plan without a list of steps', 'soon', /not an object with a list/],
    ['no steps', [], /no steps/],
    ['too many steps', Array.from({ length: 21 }, (_n, i) => step(`s${i}`)), /at most 20/],
    ['a cycle', [step('a', 'b'), step('b', 'a'), step('c')], /steps a, b depend .* cycle/],
    ['a step that waits for itself', [step('a', 'a')], /cycle/],
    ['an unknown step', [step('a', 'z')], /"z", which is not a step/],
    ['an unknown role', [{ ...step('a'), role: 'wizard' }], /unknown role "wizard".*developer/],
    ['the same id twice', [step('a'), step('a')], /more than one step/],
    ['a step without a text', [{ ...step('a'), task: '' }], /step 1: "task"/],
    ['steps of another shape', ['a', 3], /step 1: is not an object/],
    [
      'a chain that is too long',
      Array.from({ length: 12 }, (_n, i) => (i === 0 ? step('s0') : step(`s${i}`, `s${i - 1}`))),
      /longest chain of steps is 12/,
    ],
  ])('with %s is refused with the reason', (_title, steps, why) => {
    const result = check_(steps)
    expect(result.kind).toBe('invalid')
    expect(result.kind === 'invalid' && result.problems.join('\n')).toMatch(why)
  })

  it('that is accepted can be run in some order of its steps, for any answer of the model', () => {
    const ids = ['a', 'b', 'c', 'd', 'e']
    const anyStep = record({
      id: constantFrom(...ids),
      role: constantFrom(...ROLES, 'wizard'),
      task: constantFrom('x', ''),
      dependsOn: subarray([...ids, 'z']),
    })
    check(
      property(array(anyStep, { maxLength: 7 }), integer({ min: 1, max: 5 }), (steps, depthMax) => {
        const result = check_(steps, { ...PLAN_LIMITS, depthMax })
        if (result.kind === 'invalid') {
          expect(result.problems.length).toBeGreaterThan(0)
          return
        }
        const placed = new Set<string>()
        for (const { id, role, dependsOn } of result.plan.steps) {
          expect(ROLES).toContain(role)
          expect(dependsOn.every((other) => placed.has(other))).toBe(true)
          expect(placed.has(id)).toBe(false)
          placed.add(id)
        }
        expect(placed.size).toBe(steps.length)
        expect(result.depth).toBeLessThanOrEqual(depthMax)
      }),
    )
  })
})

const goal: GoalSpec = { hold: false, replansMax: 1, roles: ROLES }
const planned = (at: number, steps: unknown): JournaledCall => ({
  step: at,
  kind: 'llm',
  name: 'plan',
  output: { text: `Here: ${JSON.stringify({ summary: 's', steps })}`, toolCalls: [] },
  usage: { inputTokens: 0, outputTokens: 0, llmCalls: 1 },
})
const input = (taskId: string, state: TaskInput['state']): TaskInput => ({
  from: 'child',
  taskId,
  state,
})
const SOUND = [step('a'), step('b', 'a')]
const MADE = [
  { taskId: 'ta', step: 0 },
  { taskId: 'tb', step: 0 },
]

describe('a goal', () => {
  const first = planned(0, SOUND)
  const cyclic = planned(0, [step('a', 'a')])
  it.each<[string, Partial<GoalSpec>, JournaledCall[], typeof MADE, TaskInput[], object]>([
    ['is planned first', {}, [], [], [], { kind: 'plan', reason: 'first' }],
    ['makes the steps of a sound plan', {}, [first], [], [], { kind: 'spawn', step: 0 }],
    ['shows a held plan', { hold: true }, [first], [], [], { kind: 'hold', step: 0 }],
    [
      'plans again after an invalid plan',
      {},
      [cyclic],
      [],
      [],
      { kind: 'plan', reason: 'invalid' },
    ],
    [
      'gives up on plans that stay invalid',
      {},
      [cyclic, planned(1, [])],
      [],
      [],
      { kind: 'fail', error: { code: 'plan-invalid' } },
    ],
    ['awaits its steps', {}, [first], MADE, [input('ta', 'completed')], { kind: 'await' }],
    [
      'is put together after the last step',
      {},
      [first],
      MADE,
      [input('ta', 'completed'), input('tb', 'completed')],
      { kind: 'conclude' },
    ],
    [
      'is planned again when a step failed',
      {},
      [first],
      MADE,
      [input('ta', 'failed'), input('tb', 'failed')],
      { kind: 'plan', reason: 'step-failed' },
    ],
    [
      'fails when the last plan failed',
      { replansMax: 0 },
      [first],
      MADE,
      [input('ta', 'completed'), input('tb', 'cancelled')],
      { kind: 'fail', error: { code: 'goal-failed' } },
    ],
  ])(
    'follows from its plan and its finished steps: the goal %s',
    (_title, over, calls, children, inputs, expected) => {
      const of = { ...goal, ...over }
      const plannings = planningsOf(of, calls, children)
      expect(decideGoal(of, plannings, [], inputs)).toMatchObject(expected)
    },
  )

  it('runs a held plan once it is approved, and ends when it is rejected', () => {
    const held = { ...goal, hold: true }
    const plannings = planningsOf(held, [first], [])
    const word = { step: 0, approved: true, by: 'ann' }
    expect(decideGoal(held, plannings, [word], [])).toMatchObject({ kind: 'spawn' })
    const no = { ...word, approved: false, note: 'too dear' }
    const refused = decideGoal(held, plannings, [no], [])
    expect(refused).toMatchObject({ kind: 'fail', error: { code: 'plan-refused' } })
    expect(JSON.stringify(refused)).toContain('too dear')
  })
})
