import { expect, test } from 'vitest'
import { planText } from '../../src/reply/planner.ts'

const schema = {
  type: 'object',
  properties: {
    steps: {
      type: 'array',
      items: { properties: { role: { type: 'string', enum: ['developer', 'tester'] } } },
    },
  },
}
interface Plan {
  readonly steps: readonly { id: string; role: string; dependsOn: string[] }[]
}
const planOf = (model: string): Plan => JSON.parse(planText(model, schema) ?? '{}') as Plan

test('a planner model of the simulator answers with steps that have the roles of the schema', () => {
  const { steps } = planOf('sim-planner')
  expect(steps.map(({ role }) => role)).toEqual(['developer', 'tester', 'developer', 'tester'])
  expect(steps.at(-1)?.dependsOn).toEqual(['build', 'check'])
})

test('each wrong planner model of the simulator answers with the fault that its name says', () => {
  expect(planOf('sim-planner-cycle').steps.every(({ dependsOn }) => dependsOn.length > 0)).toBe(
    true,
  )
  expect(planOf('sim-planner-unknown-role').steps[0]?.role).toBe('astrologer')
  expect(planOf('sim-planner-deep').steps).toHaveLength(15)
})

test('the plain models of the simulator use several roles in a plan when the schema lists the roles', () => {
  expect(planOf('sim')).toEqual(planOf('sim-planner'))
  const free = { ...schema, properties: { steps: { type: 'array', items: { type: 'string' } } } }
  expect(planText('sim', free)).toBeUndefined()
  expect(planText('gpt-4o', schema)).toBeUndefined()
})

test('a planner model of the simulator answers a schema without steps like any other model', () => {
  expect(planText('sim-planner', { type: 'object', properties: {} })).toBeUndefined()
  expect(planText('sim-planner', undefined)).toBeUndefined()
})
