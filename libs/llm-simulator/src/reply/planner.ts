import { isJsonObject, type JsonObject } from '../http/json.ts'

/**
 * A planner for demonstrations and tests: for JSON whose schema has `steps` it answers with a plan of steps
 * that depend on each other, always the same; for text it answers as `sim` does.
 */

/** Its models: a valid plan, and plans with the usual faults. */
export const PLANNER_MODELS = [
  'sim-planner',
  'sim-planner-cycle',
  'sim-planner-unknown-role',
  'sim-planner-deep',
] as const
type PlannerModel = (typeof PLANNER_MODELS)[number]

/** Models that answer with made-up words. */
export const WORD_MODELS: readonly string[] = ['sim', 'sim-fast']

interface Step {
  readonly id: string
  readonly role: string
  readonly task: string
  readonly dependsOn: readonly string[]
}

/** A row of this many steps exceeds every depth limit. */
const DEEP_STEPS = 15
const ROLE_WITHOUT_ENUM = 'assistant'

/** Whether this model is one of the planners. */
export function isPlanner(base: string): base is PlannerModel {
  return (PLANNER_MODELS as readonly string[]).includes(base)
}

/**
 * The plan as JSON text; undefined when the schema describes something else. The plain models plan as
 * `sim-planner` does if the schema names the roles.
 */
export function planText(base: string, schema: JsonObject | undefined): string | undefined {
  const steps = propertyOf(schema, 'steps')
  if (steps === undefined) return undefined
  const roles = rolesIn(steps)
  const planner = isPlanner(base) ? base : 'sim-planner'
  if (planner !== base && (!WORD_MODELS.includes(base) || roles.length === 0)) return undefined
  const plan = { summary: '[simulated] a plan', steps: stepsOf(planner, roles) }
  return JSON.stringify(plan)
}

function stepsOf(base: PlannerModel, roles: readonly string[]): Step[] {
  const role = (index: number): string => roles[index % roles.length] ?? ROLE_WITHOUT_ENUM
  const step = (id: string, index: number, ...dependsOn: string[]): Step => ({
    id,
    role: role(index),
    task: `[simulated] do the part "${id}"`,
    dependsOn,
  })
  switch (base) {
    case 'sim-planner':
      return [
        step('gather', 0),
        step('build', 1, 'gather'),
        step('check', 2, 'gather'),
        step('finish', 3, 'build', 'check'),
      ]
    case 'sim-planner-cycle':
      return [step('first', 0, 'last'), step('middle', 1, 'first'), step('last', 2, 'middle')]
    case 'sim-planner-unknown-role':
      return [{ ...step('only', 0), role: 'astrologer' }]
    case 'sim-planner-deep':
      return Array.from({ length: DEEP_STEPS }, (_none, index) =>
        index === 0 ? step('s0', 0) : step(`s${index}`, index, `s${index - 1}`),
      )
  }
}

function propertyOf(schema: JsonObject | undefined, name: string): JsonObject | undefined {
  const properties = schema?.['properties']
  const property = isJsonObject(properties) ? properties[name] : undefined
  return isJsonObject(property) ? property : undefined
}

function rolesIn(steps: JsonObject): string[] {
  const items = steps['items']
  const role = isJsonObject(items) ? propertyOf(items, 'role') : undefined
  const names = role?.['enum']
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}
