import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadDocument } from '../../src/http/openapi/document.ts'
import { setup, type GatewayBench } from '../support.ts'

/** Histories, versions, models and schedules as a console reads them. */
let bench: GatewayBench
beforeAll(async () => {
  bench = await setup()
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

test('a client can read the history of a task page by page, only for one type of event, and without large answers', async () => {
  const client = bench.client()
  const task = await client.submit({ task: 'x' })
  let { seq } = task
  for (const step of [0, 1, 2]) {
    const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
    const call = { step, kind: 'llm', name: 'm', output: 'long', usage } as const
    const event = { type: 'call-finished', atMs: Date.now(), attempt: 1, call } as const
    seq = await bench.append({ id: task.id, seq }, event)
  }
  await bench.complete({ id: task.id, seq }, 'the result')
  const all = await client.events(task.id)
  expect(all.map(({ type }) => type)).toEqual([
    'submitted',
    'call-finished',
    'call-finished',
    'call-finished',
    'completed',
  ])
  const url = `${bench.gateway.url()}/v1/tasks/${task.id}/events?limit=2&types=call-finished`
  const first = (await (await fetch(url)).json()) as { events: object[]; nextAfter: number }
  expect(first.events).toHaveLength(2)
  const rest = await (await fetch(`${url}&after=${first.nextAfter}`)).json()
  expect(rest).toEqual({ events: [all[3]] })
  const short = JSON.stringify(await client.events(task.id, { omit: ['output'] }))
  expect(short).not.toMatch(/long|the result/)
  expect(await client.events(task.id, { after: all[3]!.seq })).toEqual([all[4]])
})

test('a wildcard of NATS is the id of no task: each path with an id answers 404', async () => {
  await bench.client().submit({ task: 'the newest task' })
  const document = loadDocument()
  const paths = Object.keys(document.paths).filter((path) => /(tasks|goals)\/{id}/.test(path))
  expect(paths.length).toBeGreaterThan(6)
  for (const path of paths) {
    for (const id of ['*', '%3E']) {
      const url = `${bench.gateway.url()}${path.replace('{id}', id).replace('{step}', '0')}`
      const method = document.paths[path]?.['get'] === undefined ? 'POST' : 'GET'
      const approval = {
        body: '{"approved":true}',
        headers: { 'content-type': 'application/json' },
      }
      const init = { method, ...(path.includes('approvals') ? approval : {}) }
      const { status } = await fetch(url, init)
      expect({ url, ...init, status }).toMatchObject({ status: 404 })
    }
  }
})

test('a client can read each finished call of a task with its messages or arguments, also the last call', async () => {
  const client = bench.client()
  const task = await client.submit({ task: 'multiply', systemPrompt: 'Be brief.' })
  const usage = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
  const toolCalls = [{ id: 'a', name: 'multiply', arguments: '{"x":6}' }]
  const calls = [
    { step: 0, kind: 'llm', name: 'm', output: { text: '', toolCalls }, usage },
    {
      step: 1,
      kind: 'tool',
      name: 'multiply',
      output: { id: 'a', text: 'é'.repeat(50) },
      usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
    },
  ] as const
  let { seq } = task
  for (const call of calls) {
    const event = { type: 'call-finished', atMs: 5_000, attempt: 1, call } as const
    seq = await bench.append({ id: task.id, seq }, event)
  }
  await bench.complete({ id: task.id, seq }, '42')
  const llm = await client.call(task.id, 0)
  expect(llm).toMatchObject({ kind: 'llm', attempt: 1, endedAtMs: 5_000, usage })
  expect(llm.messages?.map(({ role }) => role)).toEqual(['system', 'user'])
  expect(llm.messages?.[1]).toEqual({ role: 'user', content: { text: 'multiply', bytes: 8 } })
  expect(llm.toolCalls).toEqual([
    { step: 1, name: 'multiply', arguments: { text: '{"x":6}', bytes: 7 } },
  ])
  const tool = await client.call(task.id, 1, { textBytes: 7 })
  expect(tool).toMatchObject({ kind: 'tool', askedBy: 0, error: false })
  expect(tool.arguments).toEqual({ text: '{"x":6}', bytes: 7 })
  expect(tool.output).toEqual({ text: 'ééé', bytes: 100, cut: true })
  const last = await client.call(task.id, 2)
  expect(last).toMatchObject({ node: 'n1', output: { text: '42' }, usage: { inputTokens: 2 } })
  expect(last.messages?.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool'])
  const absent = { status: 404, problem: { code: 'call-not-found' } }
  await expect(client.call(task.id, 3)).rejects.toMatchObject(absent)
  await expect(client.call('no-task', 0)).rejects.toMatchObject({
    problem: { code: 'task-not-found' },
  })
})

test('goals have their own list, and the versions of an agent can be read', async () => {
  const client = bench.client()
  expect(await client.goals()).toMatchObject({ goals: [] })
  await client.putAgent('triage', { systemPrompt: 'sort' })
  await client.putAgent('triage', { systemPrompt: 'sort well' })
  const versions = await client.agentVersions('triage')
  expect(versions.map(({ version }) => version)).toEqual([2, 1])
  await expect(client.agentVersions('none')).rejects.toMatchObject({
    problem: { code: 'agent-not-found' },
  })
  expect(await client.models()).toEqual([])
})

test('a schedule can be previewed in its time zone, and can be run at once, but only once under the same idempotency key', async () => {
  const client = bench.client()
  const ticks = await client.previewSchedule({
    cron: '0 8 * * *',
    timeZone: 'Europe/Berlin',
    count: 3,
  })
  expect(ticks).toHaveLength(3)
  expect(ticks[0]).toMatch(/T0[67]:00:00\.000Z$/)
  await expect(client.previewSchedule({ cron: '0 0 30 2 *' })).rejects.toMatchObject({
    problem: { errors: [{ pointer: '/cron' }] },
  })
  await expect(client.previewSchedule({ cron: '61 6 * * *' })).rejects.toMatchObject({
    problem: {
      detail: expect.stringMatching(/\/cron must be a cron expression: Invalid value/) as string,
    },
  })
  const body = { cron: '0 8 * * *', paused: true, task: { task: 'report' } }
  await fetch(`${bench.gateway.url()}/v1/schedules/daily`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const made = await client.runSchedule('daily', { idempotencyKey: 'now' })
  expect(made).toMatchObject({ state: 'queued', task: 'report' })
  expect((await client.runSchedule('daily', { idempotencyKey: 'now' })).id).toBe(made.id)
  await expect(client.runSchedule('none')).rejects.toMatchObject({
    problem: { code: 'schedule-not-found' },
  })
})

test('the runs of a schedule that clients asked for are listed next to its ticks, each with its task, and a client that repeats its request adds no run', async () => {
  const client = bench.client()
  await client.putSchedule('hourly', { cron: '0 * * * *', task: { task: 'report' } })
  const keys = ['a', 'b', 'c', 'c']
  const made = await Promise.all(
    keys.map((idempotencyKey) => client.runSchedule('hourly', { idempotencyKey })),
  )
  const { manual } = await client.scheduleTicks('hourly')
  const ids = manual.map(({ taskId }) => taskId)
  expect(ids.toSorted()).toEqual([...new Set(made.map(({ id }) => id))].toSorted())
  // No coordinator fills Redis here: the log has the state of a run that has just begun.
  expect(manual.map(({ state }) => state)).toEqual(['queued', 'queued', 'queued'])
  // A run that a client asked for is not a tick.
  expect((await client.schedule('hourly')).lastTickAt).toBeUndefined()
})

test('if two clients edit the same schedule, the second client gets an error and does not undo the first change', async () => {
  const client = bench.client()
  const body = { cron: '0 8 * * *', task: { task: 'report' } }
  const made = await client.putSchedule('edited', body, { ifVersion: 0 })
  const path = `${bench.gateway.url()}/v1/schedules/edited`
  expect((await fetch(path)).headers.get('etag')).toBe(`"${made.version}"`)
  const mismatch = { status: 412, problem: { code: 'version-mismatch' } }
  await expect(client.putSchedule('edited', body, { ifVersion: 0 })).rejects.toMatchObject(mismatch)
  const ifVersion = made.version
  const next = await client.putSchedule('edited', { ...body, paused: true }, { ifVersion })
  expect(next).toMatchObject({ paused: true })
  expect(next.version).toBeGreaterThan(made.version)
  await expect(client.putSchedule('edited', body, { ifVersion })).rejects.toMatchObject(mismatch)
  await expect(client.deleteSchedule('edited', { ifVersion })).rejects.toMatchObject(mismatch)
  // Without a version the last writer wins, even at the same time as others.
  await Promise.all([1, 2, 3].map(() => client.putSchedule('edited', body)))
  await client.deleteSchedule('edited', { ifVersion: (await client.schedule('edited')).version })
  await expect(client.putSchedule('edited', body, { ifVersion })).rejects.toMatchObject(mismatch)
})

test('the list of the next ticks of a schedule contains no tick from before the schedule was created', async () => {
  const client = bench.client()
  await client.putSchedule('ticking', { cron: '0 8 * * *', task: { task: 'report' } })
  const { next, last } = await client.scheduleTicks('ticking', { count: 3 })
  expect(next).toHaveLength(3)
  expect(last).toEqual([])
  await expect(client.scheduleTicks('none')).rejects.toMatchObject({
    problem: { code: 'schedule-not-found' },
  })
})
