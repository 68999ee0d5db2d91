import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

/** The main path, through HTTP and WebSocket only, on a whole fleet of real processes. */
let test: Tenant
beforeAll(async () => {
  test = await joinSharedFleet('main-job')
})
afterAll(() => test[Symbol.asyncDispose]())

/** Without the event of a fenced start, which a task may need on a busy machine. */
const withoutStarts = (types: readonly string[]) =>
  types.filter((type) => type !== 'attempt-started')

describe('a task', () => {
  it('runs on a node, and a caller that waits gets the result', async () => {
    const view = await test.client.submit({ task: 'hello', model: 'echo' }, { waitSeconds: 30 })
    expect(view).toMatchObject({ state: 'completed', result: 'hello', attempt: 1 })
    expect(view.node).toMatch(/^worker-\d+$/)
  })

  it('can be read as soon as its submission was answered with 202, and shows its end later', async () => {
    const { id } = await test.client.submit({ task: 'hello', model: 'sim?ttft=300&tokens=3' })
    expect((await test.client.get(id)).state).toMatch(/queued|running|completed/)
    const view = await eventually(async () => {
      const now = await test.client.get(id)
      expect(now.state).toBe('completed')
      return now
    }, SOON_MS)
    expect(view.usage).toMatchObject({ llmCalls: 1, outputTokens: 3 })
  })

  it('makes its model and provider appear in the view of the fleet', async () => {
    const model = 'sim?ttft=0&tokens=4&quirk=no-usage'
    await test.client.submit({ task: 'hello', model }, { waitSeconds: 30 })
    await eventually(async () => {
      const { providers } = await test.client.fleet()
      expect(providers.find((each) => each.model === model)).toMatchObject({
        breaker: 'closed',
        closedForMs: 0,
      })
    }, SOON_MS)
  })

  it('shows its node while it runs', async () => {
    const { id } = await test.client.submit({ task: 'slow', model: 'sim?ttft=60000' })
    const view = await eventually(async () => {
      const now = await test.client.get(id)
      expect(now).toMatchObject({ state: 'running' })
      return now
    }, SOON_MS)
    expect(view.node).toMatch(/^worker-\d+$/)
    await test.client.cancel(id)
  })

  it('keeps every finished call of a run in its history (L4)', async () => {
    const view = await test.client.submit(
      { task: 'count', model: 'sim-steps?n=4&ms=5' },
      { waitSeconds: 30 },
    )
    expect(view).toMatchObject({ state: 'completed', usage: { llmCalls: 4 } })
    const types = (await test.client.events(view.id)).map((event) => event.type)
    expect(types[0]).toBe('submitted')
    expect(types.filter((type) => type === 'call-finished')).toHaveLength(6)
    expect(types.at(-1)).toBe('completed')
  })

  it('runs even if its spec is too large for its pointer', async () => {
    const task = `large ${'x'.repeat(100_000)}`
    const view = await test.client.submit({ task, model: 'echo' }, { waitSeconds: 30 })
    expect(view).toMatchObject({ state: 'completed', result: task })
  })

  it('is retried after a failure of the provider and then completes', async () => {
    const view = await test.client.submit(
      { task: 'retry', model: 'sim?fault=500&times=1&tokens=2', maxAttempts: 3 },
      { waitSeconds: 30 },
    )
    expect(view).toMatchObject({ state: 'completed', failures: 1, attempt: 2 })
  })

  it('fails with the last error when its attempts are used up', async () => {
    const view = await test.client.submit(
      { task: 'fail', model: 'sim?fault=500', maxAttempts: 2 },
      { waitSeconds: 30 },
    )
    expect(view).toMatchObject({
      state: 'failed',
      error: { code: expect.stringMatching(/provider/) },
    })
  })

  it('fails when its lifetime is over, and its run is stopped', async () => {
    const view = await test.client.submit(
      { task: 'late', model: 'sim?ttft=60000', timeoutMs: 1_500 },
      { waitSeconds: 30 },
    )
    expect(view).toMatchObject({ state: 'failed', error: { code: 'deadline-exceeded' } })
    await eventually(async () => {
      expect(await test.pointers.has('medium', test.name, view.id)).toBe(false)
    }, SOON_MS)
  })
})

describe('the cancellation of a task', () => {
  it('ends a running task permanently and removes its pointer', async () => {
    const { id } = await test.client.submit({ task: 'slow', model: 'sim?ttft=60000' })
    await eventually(async () => {
      expect((await test.client.get(id)).state).toBe('running')
    }, SOON_MS)
    expect(await test.client.cancel(id)).toMatchObject({ state: 'cancelled' })
    expect(await test.client.cancel(id)).toMatchObject({ state: 'cancelled' })
    expect(await test.pointers.has('medium', test.name, id)).toBe(false)
    await eventually(async () => {
      expect((await test.callsOf(id))[0]?.aborted).toBe(1)
    }, SOON_MS)
  })

  it('is refused with 409 when the task has already ended in another way', async () => {
    const { id } = await test.client.submit({ task: 'x', model: 'echo' }, { waitSeconds: 30 })
    await expect(test.client.cancel(id)).rejects.toMatchObject({ status: 409 })
  })
})

describe('submitting again under the same idempotency key (L1)', () => {
  it('leads to the same task, and is refused with 422 if the body is different', async () => {
    const key = { idempotencyKey: 'order-1' }
    const first = await test.client.submit({ task: 'once', model: 'echo' }, key)
    const second = await test.client.submit({ task: 'once', model: 'echo' }, key)
    expect(second.id).toBe(first.id)
    await expect(test.client.submit({ task: 'twice', model: 'echo' }, key)).rejects.toMatchObject({
      status: 422,
    })
  })

  it('creates only one task from a hundred simultaneous submissions', async () => {
    const key = { idempotencyKey: 'race-1', waitSeconds: 30 }
    const views = await Promise.all(
      Array.from({ length: 100 }, () => test.client.submit({ task: 'race', model: 'echo' }, key)),
    )
    expect(new Set(views.map((view) => view.id)).size).toBe(1)
    const events = await test.client.events(views[0]!.id)
    expect(withoutStarts(events.map(({ type }) => type))).toEqual(['submitted', 'completed'])
  })
})

describe('a batch', () => {
  it('is accepted with a thousand tasks, and the fleet runs all its tasks', async () => {
    const tasks = Array.from({ length: 1_000 }, (_, i) => ({ task: `t${i}`, model: 'echo' }))
    const results = await test.client.submitBatch(tasks)
    expect(results.every((result) => result.status === 202)).toBe(true)
    const ids = results.map((result) => result.taskId!)
    const ended = new Set<string>()
    for await (const frame of test.client.watch(ids)) {
      if (frame.type === 'event' && frame.event.type === 'completed') ended.add(frame.taskId)
    }
    expect(ended.size).toBe(1_000)
  })
})

describe('the list of tasks', () => {
  it('returns the tasks of a state page by page, newest first', async () => {
    await test.client.submit({ task: 'one more', model: 'echo' }, { waitSeconds: 30 })
    await eventually(async () => {
      const first = await test.client.list({ state: 'completed', limit: 2 })
      expect(first.tasks).toHaveLength(2)
      const second = await test.client.list({
        state: 'completed',
        limit: 2,
        ...(first.nextCursor === undefined ? {} : { cursor: first.nextCursor }),
      })
      const ids = [...first.tasks, ...second.tasks].map((task) => task.id)
      expect(new Set(ids).size).toBe(4)
      const times = [...first.tasks, ...second.tasks].map((task) => task.createdAt)
      expect(times).toEqual([...times].sort().reverse())
    }, SOON_MS)
  })
})

describe('the event stream of tasks', () => {
  it('delivers text as it arrives, and the end of the task after all text (L5)', async () => {
    const { id } = await test.client.submit({
      task: 'talk',
      model: 'sim?ttft=200&tps=50&tokens=20',
    })
    let text = ''
    const events: string[] = []
    let result: unknown
    for await (const frame of test.client.watch([id], { deltas: true })) {
      if (frame.type === 'delta' && frame.kind === 'text') text += frame.text
      if (frame.type !== 'event') continue
      events.push(frame.event.type)
      if (frame.event.type === 'completed') result = frame.event.result
    }
    expect(withoutStarts(events)).toEqual(['submitted', 'completed'])
    expect(text.length).toBeGreaterThan(0)
    expect(result).toContain(text.slice(0, 20))
  })

  it('resumes after a given sequence number and neither skips nor repeats an event', async () => {
    const view = await test.client.submit(
      { task: 'count', model: 'sim-steps?n=3&ms=5' },
      { waitSeconds: 30 },
    )
    const all = await test.client.events(view.id)
    const after = all[1]!.seq
    const seen: number[] = []
    for await (const frame of test.client.watch([view.id], { after })) {
      if (frame.type === 'event') seen.push(frame.seq)
    }
    expect(seen).toEqual(all.filter((event) => event.seq > after).map((event) => event.seq))
  })
})

describe('the view of the fleet', () => {
  it('shows its nodes with their real figures', async () => {
    await eventually(async () => {
      const fleet = await test.client.fleet()
      expect(fleet.nodes).toHaveLength(2)
      for (const node of fleet.nodes) {
        expect(node.state).toBe('alive')
        expect(node.memoryBytes).toBeGreaterThan(10_000_000)
      }
    }, SOON_MS)
  })
})
