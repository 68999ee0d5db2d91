import type { Mutation } from '../mutation.ts'

/** Plans of goals. */
export const GOALS: readonly Mutation[] = [
  {
    name: 'plan-cycle',
    safeguard: 'a plan whose steps depend on each other in a cycle is refused',
    file: 'libs/domain/src/goal/plan.ts',
    find: "if (layer.length === 0) return { kind: 'cycle', ids: left.map(({ id }) => id) }",
    replace:
      "if (layer.length === 0) return { kind: 'ordered', steps: [...ordered, ...left], depth }",
    caughtBy: /with a cycle is refused/,
    because: /expected 'ok' to be 'invalid'/,
  },
  {
    name: 'plan-roles',
    safeguard: 'a plan may name roles of its team only',
    file: 'libs/domain/src/goal/plan.ts',
    find: 'if (roles.includes(role)) return []',
    replace: 'if (roles.length > 0) return []',
    caughtBy: /with an unknown role is refused/,
    because: /expected 'ok' to be 'invalid'/,
  },
  {
    name: 'plan-steps',
    safeguard: 'a plan has only so many steps (L7)',
    file: 'libs/domain/src/goal/plan.ts',
    find: 'if (given.length > limits.stepsMax) {',
    replace: 'if (given.length > Infinity) {',
    caughtBy: /with too many steps is refused/,
    because: /expected 'ok' to be 'invalid'/,
  },
  {
    name: 'goal-hold',
    safeguard: 'a held plan runs only after its approval',
    file: 'libs/domain/src/goal/goal.ts',
    find: 'if (held && word === undefined) return',
    replace: 'if (held && word !== undefined) return',
    test: 'libs/domain/test/goal/plan.test.ts',
    caughtBy: /shows a held plan/,
    because: /kind: 'spawn'/,
  },
  {
    name: 'goal-replans',
    safeguard: 'a goal is planned again only so often (L7)',
    file: 'libs/domain/src/goal/goal.ts',
    find: "if (replansLeft > 0) return { kind: 'plan', reason: 'step-failed' }",
    replace: "if (replansLeft > -100) return { kind: 'plan', reason: 'step-failed' }",
    test: 'libs/domain/test/goal/plan.test.ts',
    caughtBy: /fails when the last plan failed/,
    because: /kind: 'plan'/,
  },
  {
    name: 'goal-failed-step',
    safeguard: 'a goal is not done while a step of its plan failed',
    file: 'libs/domain/src/goal/goal.ts',
    find: "if (failed < 0) return { kind: 'conclude' }",
    replace: "if (failed < 100) return { kind: 'conclude' }",
    test: 'libs/domain/test/goal/plan.test.ts',
    caughtBy: /planned again when a step failed/,
    because: /kind: 'conclude'/,
  },
]
