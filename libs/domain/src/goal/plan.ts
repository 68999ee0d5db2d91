import type { AgentDefinition } from '../agent/agent-definition.ts'

/**
 * Plans of goals: the answer of a planner, checked before any step runs. A valid plan is acyclic, names only
 * existing roles, and is bounded in length and depth (L7).
 */

/** The settings of a goal, without its text; a snapshot taken at its submission. */
export interface GoalSpec {
  /** The plan waits for a person's approval before it runs. */
  readonly hold: boolean
  /** How often a plan that is invalid or failed may be replaced. */
  readonly replansMax: number
  /** Names of the agents that steps may have. */
  readonly roles: readonly string[]
  /** The roles that the tenant has defined; the other roles are built in. */
  readonly team?: Readonly<Record<string, AgentDefinition>>
}

/** One task of a plan; a type, because an interface would not count as JSON. */
export type PlanStep = {
  readonly id: string
  /** The agent of the step. */
  readonly role: string
  readonly task: string
  /** Steps whose results it needs. */
  readonly dependsOn: readonly string[]
}

/** A plan whose steps come after those they depend on. */
export type Plan = {
  readonly summary: string
  readonly steps: readonly PlanStep[]
}

/**
 * Bounds of a plan. Twenty tasks are more than a planner can oversee; ten in a row are an hour of calls. A task's text
 * is an instruction, not a document.
 */
export const PLAN_LIMITS = {
  stepsMax: 20,
  /** Longest chain of steps that depend on each other. */
  depthMax: 10,
  taskCharsMax: 8_000,
} as const
/** Bounds of a plan. */
export type PlanLimits = Readonly<Record<keyof typeof PLAN_LIMITS, number>>

/** How often a plan may be replaced unless the goal says otherwise. */
export const REPLANS_DEFAULT = 2

/** A plan, or all its problems, in words for the planner. */
export type PlanCheck =
  | { readonly kind: 'ok'; readonly plan: Plan; readonly depth: number }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }

/** Most problems in one answer to the planner; a longer list would not help it. */
const PROBLEMS_MAX = 20
/** Characters of the id of a step, and of the name of an agent. */
const ID_CHARS_MAX = 64
const SUMMARY_CHARS_MAX = 4_000

/** Whether an answer of a planner is a plan that can run. */
export function validatePlan(
  answer: unknown,
  limits: PlanLimits,
  roles: readonly string[],
): PlanCheck {
  const read = readSteps(answer, limits)
  if (read.problems.length > 0) return invalid(read.problems)
  const { steps } = read
  const problems = [
    ...repeatedIds(steps),
    ...steps.flatMap((step) => problemsOfRole(step, roles)),
    ...problemsOfReferences(steps),
  ]
  if (problems.length > 0) return invalid(problems)
  const order = inOrder(steps)
  if (order.kind === 'cycle') {
    const { ids } = order
    return invalid([
      `steps ${ids.join(', ')} depend on each other in a cycle; remove one of these dependencies`,
    ])
  }
  if (order.depth > limits.depthMax) {
    const problem = `the longest chain of steps is ${order.depth}; at most ${limits.depthMax} are allowed`
    return invalid([problem])
  }
  const plan = { summary: summaryOf(answer), steps: order.steps }
  return { kind: 'ok', plan, depth: order.depth }
}

function invalid(problems: readonly string[]): PlanCheck {
  return { kind: 'invalid', problems: problems.slice(0, PROBLEMS_MAX) }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function summaryOf(answer: unknown): string {
  const summary = isObject(answer) ? answer['summary'] : undefined
  return typeof summary === 'string' ? summary.slice(0, SUMMARY_CHARS_MAX) : ''
}

/** A step whose shape was checked; its dependencies may be absent. */
type GivenStep = Omit<PlanStep, 'dependsOn'> & Partial<Pick<PlanStep, 'dependsOn'>>

function readSteps(answer: unknown, limits: PlanLimits): { steps: PlanStep[]; problems: string[] } {
  const steps: PlanStep[] = []
  const given: unknown = isObject(answer) ? answer['steps'] : undefined
  if (!Array.isArray(given))
    return { steps, problems: ['the plan is not an object with a list "steps"'] }
  if (given.length === 0) return { steps, problems: ['the plan has no steps'] }
  if (given.length > limits.stepsMax) {
    const problem = `the plan has ${given.length} steps; at most ${limits.stepsMax} are allowed`
    return { steps, problems: [problem] }
  }
  const problems: string[] = []
  for (const [index, step] of (given as readonly unknown[]).entries()) {
    const problem = shapeProblem(step, limits)
    if (problem !== undefined) problems.push(`step ${index + 1}: ${problem}`)
    else {
      const { id, role, task, dependsOn = [] } = step as GivenStep
      steps.push({ id, role, task, dependsOn: [...new Set(dependsOn)] })
    }
  }
  return { steps, problems }
}

function shapeProblem(step: unknown, limits: PlanLimits): string | undefined {
  if (!isObject(step)) return 'is not an object'
  const { id, role, task, dependsOn = [] } = step
  if (typeof id !== 'string' || id === '' || id.length > ID_CHARS_MAX) {
    return `"id" must have 1 to ${ID_CHARS_MAX} characters`
  }
  // The problems of a plan repeat these texts, and a planner may write any length.
  if (!isShortText(role)) return '"role" must be the name of an agent'
  if (typeof task !== 'string' || task === '' || task.length > limits.taskCharsMax) {
    return `"task" must have 1 to ${limits.taskCharsMax} characters`
  }
  const listed = Array.isArray(dependsOn) && dependsOn.length <= limits.stepsMax
  if (!listed || !dependsOn.every(isShortText)) {
    return '"dependsOn" must be a list of ids of steps'
  }
  return undefined
}

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= ID_CHARS_MAX
}

function repeatedIds(steps: readonly PlanStep[]): string[] {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { id } of steps) {
    if (seen.has(id)) repeated.add(id)
    seen.add(id)
  }
  return [...repeated].map((id) => `more than one step has the id "${id}"`)
}

function problemsOfRole({ id, role }: PlanStep, roles: readonly string[]): string[] {
  if (roles.includes(role)) return []
  return [`step "${id}" has the unknown role "${role}"; use one of ${roles.join(', ')}`]
}

function problemsOfReferences(steps: readonly PlanStep[]): string[] {
  const ids = new Set(steps.map(({ id }) => id))
  return steps.flatMap(({ id, dependsOn }) =>
    dependsOn
      .filter((other) => !ids.has(other))
      .map((other) => `step "${id}" depends on "${other}", which is not a step`),
  )
}

type Order =
  | { readonly kind: 'ordered'; readonly steps: readonly PlanStep[]; readonly depth: number }
  | { readonly kind: 'cycle'; readonly ids: readonly string[] }

/**
 * Layer by layer: steps that depend on earlier layers only; steps that are never reached are in a cycle or
 * depend on one.
 */
function inOrder(steps: readonly PlanStep[]): Order {
  const placed = new Set<string>()
  const ordered: PlanStep[] = []
  let left = steps
  let depth = 0
  while (left.length > 0) {
    const layer = left.filter(({ dependsOn }) => dependsOn.every((id) => placed.has(id)))
    if (layer.length === 0) return { kind: 'cycle', ids: left.map(({ id }) => id) }
    for (const step of layer) placed.add(step.id)
    ordered.push(...layer)
    left = left.filter(({ id }) => !placed.has(id))
    depth += 1
  }
  return { kind: 'ordered', steps: ordered, depth }
}

/** JSON schema of a plan, for planners with structured output. */
export function planSchema(roles: readonly string[], limits: PlanLimits) {
  const text = { type: 'string' }
  return {
    type: 'object',
    additionalProperties: false,
    required: ['summary', 'steps'],
    properties: {
      summary: text,
      steps: {
        type: 'array',
        minItems: 1,
        maxItems: limits.stepsMax,
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['id', 'role', 'task', 'dependsOn'],
          properties: {
            id: text,
            role: { type: 'string', enum: [...roles] },
            task: text,
            dependsOn: { type: 'array', items: text },
          },
        },
      },
    },
  }
}
