import type { GoalView } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

/** Goals on the stock configuration: the planner is one of the simulator's models. */
let test: Tenant
beforeAll(async () => {
  test = await joinSharedFleet('goals')
})
afterAll(() => test[Symbol.asyncDispose]())

/** Its calls take 50 ms instead of the seconds of a real one. */
const FAST_PLANNER = 'sim-planner?ttft=50&tps=0'

async function call(path: string, method?: string, body?: unknown) {
  const answer = await test.call(path, method, body)
  return { ...answer, body: answer.body as GoalView }
}

async function submitGoal(goal: object): Promise<GoalView> {
  const { status, body } = await call('/v1/goals', 'POST', goal)
  expect(status, JSON.stringify(body)).toBe(202)
  return body
}

const until = (id: string, stage: GoalView['stage']) =>
  eventually(async () => {
    const { body } = await call(`/v1/goals/${id}`)
    expect(body.stage, JSON.stringify(body)).toBe(stage)
    return body
  }, SOON_MS)

describe('a goal', () => {
  it('is planned, agents with the planned roles run its steps in order, and their results are combined', async () => {
    const { id } = await submitGoal({ goal: 'Build a shop', model: FAST_PLANNER })
    const goal = await until(id, 'ended')
    expect(goal).toMatchObject({ state: 'completed', planner: 'project-manager' })
    expect(goal.result).toMatch(/simulated/)
    expect(goal.plans).toHaveLength(1)
    const [plan] = goal.plans
    expect(plan).toMatchObject({ valid: true, depth: 3 })
    expect(plan?.steps.map(({ id: step, state }) => [step, state])).toEqual([
      ['gather', 'completed'],
      ['build', 'completed'],
      ['check', 'completed'],
      ['finish', 'completed'],
    ])
    const tasks = await Promise.all(plan!.steps.map(({ taskId }) => test.client.get(taskId!)))
    expect(tasks.map(({ parentId }) => parentId)).toEqual([id, id, id, id])
    expect(tasks.map(({ agent }) => agent)).toEqual(plan!.steps.map(({ role }) => role))
    expect(tasks[3]?.dependsOn).toEqual([tasks[1]?.id, tasks[2]?.id])
    // Read again when the projection has it; a projected record holds no journal.
    await eventually(async () => {
      const { tasks: listed } = await test.client.list({ state: 'completed', limit: 200 })
      expect(listed.map((task) => task.id)).toContain(id)
    }, SOON_MS)
    expect((await call(`/v1/goals/${id}`)).body.plans).toEqual(goal.plans)
    // One call to plan, one for each step, one to put together.
    expect(goal.usage.llmCalls).toBe(6)
    const types = (await test.client.events(id)).map(({ type }) => type)
    expect(types.slice(1)).toEqual([
      'call-finished',
      'spawned',
      'paused',
      'resumed',
      'attempt-started',
      'completed',
    ])
  })

  it('that is only planned shows its plan and runs when a client approves the plan, and a repeated approval is safe', async () => {
    const { id } = await submitGoal({ goal: 'Look first', model: FAST_PLANNER, run: false })
    const held = await until(id, 'held')
    expect(held.plans[0]?.steps).toHaveLength(4)
    expect(held.plans[0]?.steps.every(({ taskId }) => taskId === undefined)).toBe(true)
    expect(held).toMatchObject({
      state: 'waiting',
      waitingFor: { kind: 'approval', tool: 'run-goal' },
    })
    const run = await call(`/v1/goals/${id}/run`, 'POST')
    expect(run.status).toBe(200)
    expect(['running', 'concluding', 'ended']).toContain(run.body.stage)
    expect((await call(`/v1/goals/${id}/run`, 'POST')).status).toBe(200)
    expect((await until(id, 'ended')).state).toBe('completed')
  })

  it.each([
    ['a cycle', 'sim-planner-cycle', /cycle/],
    ['an unknown role', 'sim-planner-unknown-role', /unknown role "astrologer"/],
    ['too many steps in a row', 'sim-planner-deep?ttft=50&tps=0', /longest chain/],
  ])('whose plan has %s is refused with the reason on its record', async (_title, model, why) => {
    const { id } = await submitGoal({ goal: 'Impossible', model, maxReplans: 1 })
    const goal = await until(id, 'ended')
    expect(goal).toMatchObject({ state: 'failed', error: { code: 'plan-invalid' } })
    expect(goal.error?.message).toMatch(why)
    // Asked again, with the problems; no step was run.
    expect(goal.plans.map(({ valid }) => valid)).toEqual([false, false])
    expect(goal.plans[0]?.problems?.[0]).toMatch(why)
    expect((await test.client.get(id)).children).toBeUndefined()
  })

  it('is planned again when a step fails, and keeps its finished steps', async () => {
    const define = { systemPrompt: 'You fail.', model: 'sim-script:there-is-none' }
    const put = await call('/v1/agents/clumsy', 'PUT', define)
    expect(put.status, JSON.stringify(put.body)).toBeLessThan(300)
    const step = (id: string, role: string, ...dependsOn: string[]) => ({
      id,
      role,
      task: id,
      dependsOn,
    })
    const turns = [
      [step('a', 'developer'), step('b', 'clumsy', 'a')],
      [step('b2', 'developer')],
    ].map((steps) => ({ content: JSON.stringify({ summary: 's', steps }) }))
    const model = await test.script('replanned', [...turns, { content: 'together' }])
    const { id } = await submitGoal({ goal: 'Twice', model })
    const goal = await until(id, 'ended')
    expect(goal, JSON.stringify(goal)).toMatchObject({ state: 'completed', result: 'together' })
    const states = goal.plans.map(({ steps }) => steps.map(({ state }) => state))
    expect(states).toEqual([['completed', 'failed'], ['completed']])
  })

  it('cancels its steps when it is cancelled', async () => {
    const steps = [{ id: 'a', role: 'slow', task: 'a', dependsOn: [] }]
    const turns = [{ content: JSON.stringify({ summary: '', steps }) }]
    const model = await test.script('cancelled', turns)
    await call('/v1/agents/slow', 'PUT', { systemPrompt: 'Slow.', model: 'sim?ttft=120000' })
    const { id } = await submitGoal({ goal: 'Stop', model })
    await until(id, 'running')
    const childId = await eventually(async () => {
      const { body } = await call(`/v1/goals/${id}`)
      const taskId = body.plans[0]?.steps[0]?.taskId
      expect(taskId).toBeDefined()
      return taskId!
    }, SOON_MS)
    await eventually(async () => {
      expect((await test.client.get(childId)).state).toBe('running')
    }, SOON_MS)
    await test.client.cancel(id)
    await eventually(async () => {
      expect((await test.client.get(childId)).state).toBe('cancelled')
    }, SOON_MS)
  })
})
