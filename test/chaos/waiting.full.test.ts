import { drawPorts } from '@agentfleet/local'
import type { GoalView } from '@agentfleet/protocol'
import {
  eventually,
  startBusTap,
  startTestFleet,
  type BusTap,
  type TestFleet,
} from '@agentfleet/testkit'
import type { Audit } from '@agentfleet/tools'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectAllEnded, judge } from './support.ts'

/**
 * The only coordinator is killed between two steps that belong together, for every kind of wait: the next one
 * completes the unfinished step, once (L1, L2, L8).
 */
let test: TestFleet
let audit: Audit
let tap: BusTap
beforeAll(async () => {
  const [natsPort = 0] = await drawPorts(1, true)
  tap = await startBusTap()
  tap.target(natsPort)
  test = await startTestFleet({ natsPort, workers: 2, env: { coordinator: { NATS_URL: tap.url } } })
  audit = await judge(test)
})
afterAll(async () => {
  await audit.close()
  await test[Symbol.asyncDispose]()
  await tap[Symbol.asyncDispose]()
})

const GOES_ON_WITHIN_MS = 60_000

async function call(path: string, method = 'GET', body?: unknown) {
  const response = await fetch(`${test.fleet.url}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

async function submit(task: object): Promise<string> {
  const { status, body } = await call('/v1/tasks', 'POST', { model: 'echo', ...task })
  expect(status, JSON.stringify(body)).toBe(202)
  return body.id
}

/** Kills the coordinator at its first matching publish; this message is lost. */
function killAt(matches: (subject: string, text: string) => boolean): () => boolean {
  const [coordinator] = test.fleet.members('coordinator')
  let hit = false
  tap.onPublish(({ subject, text }) => {
    if (hit) return 'drop'
    if (!matches(subject, text)) return 'forward'
    hit = true
    coordinator!.kill('SIGKILL')
    return 'drop'
  })
  return () => hit
}

async function untilHit(hit: () => boolean): Promise<void> {
  await eventually(() => expect(hit()).toBe(true), GOES_ON_WITHIN_MS)
  tap.reset()
}

const isEvent = (type: string) => (subject: string, text: string) =>
  subject.startsWith('log.') && text.includes(`"type":"${type}"`)
const isPointer = (subject: string): boolean => subject.startsWith('tasks.')

beforeEach(async () => {
  tap.reset()
  // The test before killed the coordinator; wait for it.
  await eventually(async () => {
    const id = await submit({ task: 'warm', delayMs: 1 })
    await eventually(async () => {
      expect((await test.client.get(id)).state).toBe('completed')
    })
  }, GOES_ON_WITHIN_MS)
})

const completed = (ids: readonly string[]) =>
  eventually(async () => {
    const views = await Promise.all(ids.map((id) => test.client.get(id)))
    expect(views.map(({ state }) => state)).toEqual(ids.map(() => 'completed'))
  }, GOES_ON_WITHIN_MS)

const typesOf = async (id: string) => (await test.log.history(id)).map(({ event }) => event.type)

describe('a coordinator that is killed', () => {
  it('before it releases delayed tasks leaves them to the next coordinator, which releases each task once', async () => {
    const hit = killAt(isEvent('released'))
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_none, n) => submit({ task: `t${n}`, delayMs: 1_000 })),
    )
    await untilHit(hit)
    await completed(ids)
    for (const id of ids) {
      expect(await typesOf(id)).toEqual(['submitted', 'released', 'attempt-started', 'completed'])
    }
    await expectAllEnded(
      audit,
      ids.map((taskId) => ({ taskId })),
    )
  })

  it('after it has released a task that waited for others but before it has issued the pointer leaves the pointer to the next coordinator', async () => {
    const a = await submit({ task: 'A', model: 'echo?ms=400' })
    const b = await submit({ task: 'B', dependsOn: [a] })
    const c = await submit({ task: 'C', dependsOn: [a] })
    const d = await submit({ task: 'D', dependsOn: [b, c] })
    const hit = killAt((subject) => isPointer(subject) && subject.endsWith(b))
    await untilHit(hit)
    await completed([a, b, c, d])
    for (const id of [b, c, d]) {
      const types = await typesOf(id)
      expect(types.filter((type) => type === 'released')).toHaveLength(1)
      expect(types.filter((type) => type === 'completed')).toHaveLength(1)
    }
    await expectAllEnded(
      audit,
      [a, b, c, d].map((taskId) => ({ taskId })),
    )
  })

  it('before it has ended the tasks that depend on a failed task leaves this work to the next coordinator', async () => {
    const a = await submit({ task: 'A', model: 'sim?ttft=800&fault=500', maxAttempts: 1 })
    const b = await submit({ task: 'B', dependsOn: [a] })
    const hit = killAt((_subject, text) => text.includes('dependency-failed'))
    await untilHit(hit)
    await eventually(async () => {
      const view = await test.client.get(b)
      expect(view).toMatchObject({ state: 'failed', error: { code: 'dependency-failed' } })
    }, GOES_ON_WITHIN_MS)
    expect(await typesOf(b)).toEqual(['submitted', 'failed'])
  })

  it.each([
    ['between announcing children and making them', isEvent('submitted')],
    ['before the goal waits for its children', isEvent('paused')],
    ['before the goal continues after its last child', isEvent('resumed')],
  ])(
    '%s does not cause a step of a goal to run twice, and the results of the goal are combined',
    async (_title, at) => {
      const model = 'sim-planner?ttft=50&tps=0'
      // Only the coordinator's own publishes pass the tap.
      const hit = killAt(at)
      const { body: goal } = await call('/v1/goals', 'POST', { goal: 'Ship', model })
      await untilHit(hit)
      const view = await eventually(async () => {
        const { body } = (await call(`/v1/goals/${goal.id}`)) as { body: GoalView }
        expect(body.state, JSON.stringify(body)).toBe('completed')
        return body
      }, GOES_ON_WITHIN_MS)
      expect(view.plans).toHaveLength(1)
      const ids = view.plans[0]!.steps.map(({ taskId }) => taskId!)
      expect(new Set(ids).size).toBe(4)
      for (const id of ids) {
        const types = await typesOf(id)
        expect(types.filter((type) => type === 'submitted')).toHaveLength(1)
        expect(types.filter((type) => type === 'completed')).toHaveLength(1)
      }
      const types = await typesOf(goal.id)
      expect(types.filter((type) => type === 'spawned')).toHaveLength(1)
      expect(types.filter((type) => type === 'call-finished')).toHaveLength(1)
      await expectAllEnded(
        audit,
        [goal.id, ...ids].map((taskId) => ({ taskId })),
      )
    },
  )

  it('before it cancels the children of a cancelled parent leaves this work to the next coordinator', async () => {
    await call('/v1/agents/slow', 'PUT', { systemPrompt: 'Slow.', model: 'sim?ttft=120000' })
    const body = { goal: 'Stop', model: 'sim-planner?ttft=50&tps=0', roles: ['slow'] }
    const { body: goal } = await call('/v1/goals', 'POST', body)
    const childId = await eventually(async () => {
      const { body: view } = (await call(`/v1/goals/${goal.id}`)) as { body: GoalView }
      const first = view.plans[0]?.steps[0]
      expect(first?.state, JSON.stringify(view)).toBe('running')
      return first!.taskId!
    }, GOES_ON_WITHIN_MS)
    const hit = killAt(
      (subject, text) => isEvent('cancelled')(subject, text) && text.includes('parent'),
    )
    // The answer may die with the coordinator; the stored cancellation does not.
    await test.client.cancel(goal.id).catch(() => undefined)
    await untilHit(hit)
    await eventually(async () => {
      expect((await test.client.get(childId)).state).toBe('cancelled')
    }, GOES_ON_WITHIN_MS)
  })

  it('after it has stored the task of a schedule but before it has noted the tick neither loses nor repeats the task', async () => {
    const hit = killAt((subject) => subject.startsWith('schedules.ran.'))
    const task = { task: 'tick', model: 'echo' }
    await call('/v1/schedules/chaos', 'PUT', { cron: '* * * * * *', task })
    await untilHit(hit)
    const ticks = async () =>
      (await test.client.list({ limit: 200 })).tasks.filter(({ preview }) => preview === 'tick')
    const before = (await ticks()).length
    await eventually(async () => {
      expect((await ticks()).length).toBeGreaterThanOrEqual(before + 3)
    }, GOES_ON_WITHIN_MS)
    await call('/v1/schedules/chaos', 'DELETE')
    const tasks = await ticks()
    await completed(tasks.map(({ id }) => id))
    await expectAllEnded(
      audit,
      tasks.map(({ id }) => ({ taskId: id })),
    )
  })
})
