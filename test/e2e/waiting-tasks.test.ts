import type { TaskView } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

/** Tasks that wait for time, for other tasks, for a tick: through HTTP on a fleet of real processes. */
let test: Tenant
beforeAll(async () => {
  test = await joinSharedFleet('waiting-tasks')
})
afterAll(() => test[Symbol.asyncDispose]())

const UNKNOWN_ID = '01890a5d-ac96-774b-bcce-b302099a8057'

/** The fields of the answers that these tests check. */
interface Reply {
  readonly tasks: readonly { readonly id: string }[]
  readonly detail: string
  readonly errors: readonly { readonly pointer: string }[]
  readonly lastTaskId?: string
}

async function call(path: string, method?: string, body?: unknown) {
  const answer = await test.call(path, method, body)
  return { ...answer, body: answer.body as Reply }
}

async function submit(task: object): Promise<TaskView> {
  const { status, body } = await call('/v1/tasks', 'POST', { model: 'echo', ...task })
  expect(status, JSON.stringify(body)).toBe(202)
  return body as unknown as TaskView
}

const typesOf = async (id: string) => (await test.client.events(id)).map(({ type }) => type)

describe('a delayed task', () => {
  it('has no pointer while it waits, and runs when it is due and not before', async () => {
    const view = await submit({ task: 'later', delayMs: 1_500 })
    expect(view).toMatchObject({ state: 'waiting', waitingFor: { kind: 'time' }, attempt: 0 })
    expect(await test.pointers.taskIds()).not.toContain(view.id)
    const done = await test.ended(view.id)
    expect(done).toMatchObject({ state: 'completed', result: 'later', attempt: 1 })
    const events = await test.client.events(view.id)
    expect(events.map(({ type }) => type)).toEqual([
      'submitted',
      'released',
      'attempt-started',
      'completed',
    ])
    const waitedMs = events[1]!.atMs - events[0]!.atMs
    expect(waitedMs).toBeGreaterThanOrEqual(1_500)
    expect(waitedMs).toBeLessThan(10_000)
  })

  it('runs at a given time, and its lifetime counts from that time', async () => {
    const notBefore = new Date(Date.now() + 3_200).toISOString()
    const view = await submit({ task: 'at', notBefore, timeoutMs: 3_000 })
    expect(view.notBefore).toBe(notBefore)
    expect((await test.ended(view.id)).state).toBe('completed')
  })

  it('can be cancelled while it waits', async () => {
    const { id } = await submit({ task: 'never', delayMs: 60_000 })
    expect(await test.client.cancel(id)).toMatchObject({ state: 'cancelled' })
    expect(await typesOf(id)).toEqual(['submitted', 'cancelled'])
  })

  it('is listed among the waiting tasks', async () => {
    const { id } = await submit({ task: 'listed', delayMs: 60_000 })
    await eventually(async () => {
      const { body } = await call('/v1/tasks?state=waiting')
      expect(body.tasks.map((each) => each.id)).toContain(id)
    }, SOON_MS)
    await test.client.cancel(id)
  })

  it('is refused with an error that says what to do when its delay is more than a week', async () => {
    const notBefore = new Date(Date.now() + 8 * 86_400_000).toISOString()
    const { status, body } = await call('/v1/tasks', 'POST', { task: 'far', notBefore })
    expect(status).toBe(400)
    expect(body.detail).toMatch(/schedule/)
  })
})

describe('a task with dependencies', () => {
  it('runs after its dependencies, even in a diamond, and gets their results', async () => {
    const a = await submit({ task: 'A', model: 'echo?ms=300' })
    const b = await submit({ task: 'B', dependsOn: [a.id] })
    const c = await submit({ task: 'C', dependsOn: [a.id] })
    // The simulator's echo answers with the last user message: the prompt of the agent.
    const d = await submit({ task: 'D', model: 'sim-echo', dependsOn: [b.id, c.id] })
    expect(d).toMatchObject({
      state: 'waiting',
      waitingFor: { kind: 'dependencies', taskIds: [b.id, c.id] },
    })
    const done = await test.ended(d.id)
    expect(done.state).toBe('completed')
    expect(done.result).toContain('"result":"B"')
    expect(done.result).toContain('"result":"C"')
    const endOf = async (id: string) => (await test.client.events(id)).at(-1)!.atMs
    const releaseOf = async (id: string) => (await test.client.events(id))[1]!.atMs
    expect(await releaseOf(b.id)).toBeGreaterThanOrEqual(await endOf(a.id))
    expect(await releaseOf(d.id)).toBeGreaterThanOrEqual(
      Math.max(await endOf(b.id), await endOf(c.id)),
    )
  })

  it('is released at once when its dependencies have already ended', async () => {
    const a = await submit({ task: 'A' })
    await test.ended(a.id)
    const b = await submit({ task: 'B', dependsOn: [a.id] })
    expect((await test.ended(b.id)).state).toBe('completed')
  })

  it('fails with the reason when a dependency fails, and the tasks that depend on the failed task fail as well', async () => {
    const a = await submit({ task: 'A', model: 'sim?fault=500', maxAttempts: 1 })
    const b = await submit({ task: 'B', dependsOn: [a.id] })
    const c = await submit({ task: 'C', dependsOn: [b.id] })
    for (const [id, of] of [
      [b.id, a.id],
      [c.id, b.id],
    ] as const) {
      const view = await test.ended(id)
      expect(view).toMatchObject({ state: 'failed', error: { code: 'dependency-failed' } })
      expect(view.error?.message).toContain(of)
      expect(await typesOf(id)).toEqual(['submitted', 'failed'])
    }
  })

  it('runs and gets the failure of a dependency when it asks to continue', async () => {
    const a = await submit({ task: 'A', model: 'sim?fault=500', maxAttempts: 1 })
    const b = await submit({
      task: 'B',
      model: 'sim-echo',
      dependsOn: [a.id],
      onDependencyFailure: 'continue',
    })
    const view = await test.ended(b.id)
    expect(view.state).toBe('completed')
    expect(view.result).toContain('"state":"failed"')
  })

  it('fails when a dependency is cancelled', async () => {
    const a = await submit({ task: 'A', delayMs: 60_000 })
    const b = await submit({ task: 'B', dependsOn: [a.id] })
    await test.client.cancel(a.id)
    expect((await test.ended(b.id)).error?.message).toContain('was cancelled')
  })

  it('is refused with 422 when a dependency is unknown, and the refusal contains its id', async () => {
    const { status, body } = await call('/v1/tasks', 'POST', { task: 'x', dependsOn: [UNKNOWN_ID] })
    expect(status).toBe(422)
    expect(body).toMatchObject({ code: 'unknown-dependency' })
    expect(body.detail).toContain(UNKNOWN_ID)
  })

  it('fails when its lifetime is over before its dependencies have ended', async () => {
    const a = await submit({ task: 'A', delayMs: 60_000 })
    const b = await submit({ task: 'B', dependsOn: [a.id], timeoutMs: 1_000 })
    expect(await test.ended(b.id)).toMatchObject({
      state: 'failed',
      error: { code: 'deadline-exceeded' },
    })
    await test.client.cancel(a.id)
  })
})

describe('a schedule', () => {
  it('submits one task for each tick, and stops when it is removed', async () => {
    const task = { task: 'tick', model: 'echo', metadata: { of: 'every-second' } }
    const put = await call('/v1/schedules/every-second', 'PUT', { cron: '* * * * * *', task })
    expect(put.status, JSON.stringify(put.body)).toBe(201)
    expect(put.body).toMatchObject({ timeZone: 'UTC', overlap: 'allow' })
    const ofSchedule = async () =>
      (await test.client.list({ limit: 200 })).tasks.filter(({ preview }) => preview === 'tick')
    await eventually(async () => {
      expect((await ofSchedule()).length).toBeGreaterThanOrEqual(3)
    }, SOON_MS)
    await eventually(async () => {
      const { last } = await test.client.scheduleTicks('every-second')
      const ids = new Set((await ofSchedule()).map(({ id }) => id))
      const ended = last.filter(({ state }) => state === 'completed')
      expect(ended.length).toBeGreaterThanOrEqual(2)
      for (const { taskId } of ended) expect(ids).toContain(taskId)
    }, SOON_MS)
    expect((await call('/v1/schedules/every-second', 'DELETE')).status).toBe(204)
    expect((await call('/v1/schedules/every-second')).status).toBe(404)
    const tasks = await ofSchedule()
    const seconds = tasks.map(({ createdAt }) => Math.floor(Date.parse(createdAt) / 1_000))
    expect(new Set(seconds).size).toBe(seconds.length)
  })

  it('that forbids overlap skips ticks while its last task runs', async () => {
    const task = { task: 'long', model: 'echo?ms=4000' }
    const body = { cron: '* * * * * *', overlap: 'skip', task }
    await call('/v1/schedules/no-overlap', 'PUT', body)
    await eventually(async () => {
      const { body: view } = await call('/v1/schedules/no-overlap')
      expect(view).toMatchObject({ lastSkipped: true })
      expect(view.lastTaskId).toBeDefined()
      const { last } = await test.client.scheduleTicks('no-overlap')
      expect(last.map(({ skipped }) => skipped)).toContain(true)
    }, SOON_MS)
    const running = (await test.client.list({ limit: 200 })).tasks.filter(
      ({ preview, state }) => preview === 'long' && state !== 'completed',
    )
    expect(running.length).toBeLessThanOrEqual(1)
    await call('/v1/schedules/no-overlap', 'DELETE')
  })

  it.each([
    ['an invalid expression', { cron: 'every day at noon' }, '/cron'],
    ['an unknown time zone', { cron: '0 12 * * *', timeZone: 'Mars/Olympus' }, '/timeZone'],
    ['a time that never comes', { cron: '0 0 30 2 *' }, '/cron'],
  ])('with %s is refused', async (_title, body, pointer) => {
    const answer = await call('/v1/schedules/wrong', 'PUT', { ...body, task: { task: 'x' } })
    expect(answer.status).toBe(400)
    expect(answer.body.errors[0]?.pointer).toBe(pointer)
  })
})
