/** The work of the follower: the projection, the usage totals, and the trimming of the log. */
import type { Store } from '@agentfleet/adapters'
import type { TaskRecord } from '@agentfleet/domain'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { rebuildProjection } from '../../src/projection/rebuild.ts'
import { createUsageCounter } from '../../src/follower/usage.ts'
import { rounds, startBench, TIMING, USAGE, type Bench } from '../support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterEach(() => bench.reset())
afterAll(() => bench[Symbol.asyncDispose]())

/** Resolves when Redis has the task in this state. */
function shows(taskId: string, state: string): Promise<void> {
  return eventually(async () => {
    const record = await bench.store.load(taskId)
    if (record?.state !== state) throw new Error(`Redis shows ${record?.state}, not ${state}`)
  })
}

/** Resolves when the projection is marked complete up to the end of the log. */
function complete(): Promise<number> {
  return eventually(async () => {
    const { lastSeq } = await bench.taskLog.fill()
    const built = await bench.store.builtSeq()
    if (built !== lastSeq) throw new Error(`complete up to ${built}, not ${lastSeq}`)
    return built
  })
}

/** Returns the tokens in today's totals. */
async function tokensToday(): Promise<number> {
  const day = new Date().toISOString().slice(0, 10)
  const [today] = await bench.usage.read('t', [day])
  return (today?.models ?? []).reduce(
    (sum, { usage }) => sum + usage.inputTokens + usage.outputTokens,
    0,
  )
}
const TOKENS = USAGE.inputTokens + USAGE.outputTokens
const never = new AbortController().signal

test('Redis has every task as the log has it, and an emptied Redis is rebuilt (L8)', async () => {
  await bench.start()
  const [open, ended] = [await bench.submit(), await bench.submit()]
  await bench.complete(ended.taskId)
  await shows(ended.taskId, 'completed')
  await complete()
  await bench.redis('FLUSHALL')
  await shows(ended.taskId, 'completed')
  await shows(open.taskId, 'queued')
  await complete()
})

test('a Redis that was restored to an older state gets the records that it has lost (L8)', async () => {
  await bench.start()
  const early = await bench.submit()
  const older = await complete()
  const late = await bench.submit()
  await bench.complete(late.taskId)
  await complete()
  // After a crash, an append-only file that lacks its last second looks like this.
  await bench.redis('DEL', `task:${late.taskId}`)
  await bench.redis('SET', 'projection:2', String(older))
  await shows(late.taskId, 'completed')
  await shows(early.taskId, 'queued')
  await complete()
})

test('after Redis was wiped, a coordinator says that records are outdated, marks the projection complete only when every record is written, and ends a rebuild that is stopped (L8)', async () => {
  let passes = Infinity
  const store: Store = {
    ...bench.store,
    project: (records, retentionMs) =>
      passes-- > 0
        ? bench.store.project(records, retentionMs)
        : Promise.reject(new Error('Redis is loading its data')),
  }
  const service = await bench.start({ store })
  const tasks: TaskRecord[] = []
  for (let at = 0; at < 40; at += 1) tasks.push(await bench.submit({ task: 'x'.repeat(200_000) }))
  for (const { taskId } of tasks.slice(0, 20)) await bench.complete(taskId)
  await complete()
  const outdated = { ok: true, degraded: ['records-outdated'] }
  // Some writes of a rebuild succeed, then one fails.
  passes = 1
  await bench.redis('FLUSHALL')
  await eventually(() => expect(service.ready?.()).toEqual(outdated))
  await eventually(() => expect(passes).toBeLessThan(0))
  const meanwhile = await bench.submit()
  await rounds(TIMING.projectionEveryMs, 5)
  expect(await bench.store.builtSeq()).toBeUndefined()
  expect(service.ready?.()).toEqual(outdated)
  passes = Infinity
  const built = await complete()
  const ids = [...tasks, meanwhile].map(({ taskId }) => taskId)
  const stored = (await bench.store.previews(ids)).filter((task) => task !== undefined)
  expect(stored).toHaveLength(41)
  expect(stored.filter(({ state }) => state === 'completed')).toHaveLength(20)
  await eventually(() => expect(service.ready?.()).toEqual({ ok: true }))

  const { bus, log, taskLog } = bench
  const stopped = new AbortController()
  const stops: Store = {
    ...bench.store,
    project: () =>
      new Promise((resolve) => stopped.signal.addEventListener('abort', () => resolve())),
  }
  const deps = {
    bus,
    log,
    taskLog,
    store: stops,
    certainlyKeptMs: 0,
    retentionMs: 60_000,
    afterSeq: 0,
  }
  const rebuild = rebuildProjection({ ...deps, signal: stopped.signal, monotonicMs: () => 0 })
  stopped.abort(new Error('too long'))
  await expect(rebuild).rejects.toThrow('was ended')
  expect(await bench.store.builtSeq()).toBe(built)
})

test('the projection in Redis is marked as complete only when every write has succeeded', async () => {
  await bench.submit()
  let failing = true
  const store: Store = {
    ...bench.store,
    project: (records, retentionMs) =>
      failing ? Promise.reject(new Error('OOM')) : bench.store.project(records, retentionMs),
  }
  const { bus, log, taskLog } = bench
  const deps = {
    bus,
    store,
    taskLog,
    certainlyKeptMs: Date.now() - 60_000,
    log,
    retentionMs: 60_000,
    afterSeq: 0,
    signal: never,
    monotonicMs: () => 0,
  }
  await expect(rebuildProjection(deps)).rejects.toThrow('did not store all records')
  expect(await bench.store.builtSeq()).toBeUndefined()
  failing = false
  await rebuildProjection(deps)
  await complete()
})

test('while Redis has no memory for records, the coordinator is ready and degraded, and all records are there once Redis has memory', async () => {
  const service = await bench.start()
  await bench.submit()
  await complete()
  // Each write is refused; noeviction is the policy of every Redis of a fleet.
  await bench.redis('CONFIG', 'SET', 'maxmemory', '1')
  const { taskId } = await bench.submit()
  const outdated = { ok: true, degraded: ['records-outdated'] }
  await eventually(() => expect(service.ready?.()).toEqual(outdated))
  await bench.complete(taskId)
  expect(await bench.store.load(taskId)).toBeUndefined()
  await bench.redis('CONFIG', 'SET', 'maxmemory', '0')
  await shows(taskId, 'completed')
  await eventually(() => expect(service.ready?.()).toEqual({ ok: true }))
  await complete()
})

test('after a rebuild, Redis holds no task whose end event another replica deleted from the log during the rebuild (L8)', async () => {
  const ghost = await bench.submit()
  await bench.append(ghost.taskId, { type: 'cancelled', atMs: Date.now(), reason: 'x' })
  const living = await bench.submit()
  const { bus, log, store, taskLog } = bench
  // The rebuild reads the beginning of the first task, and the purge takes its end before it is read.
  const manager = await bus.nats.jetstreamManager()
  await manager.streams.deleteMessage('LOG', ghost.seq + 1)
  const purged = {
    ...taskLog,
    fill: async () => ({ ...(await taskLog.fill()), firstSeq: living.seq }),
  }
  const certainlyKeptMs = Date.now() - 60_000
  const rest = {
    log,
    certainlyKeptMs,
    retentionMs: 60_000,
    afterSeq: 0,
    signal: never,
    monotonicMs: () => 0,
  }
  await rebuildProjection({ bus, store, taskLog: purged, ...rest })
  await shows(living.taskId, 'queued')
  await eventually(async () => expect(await store.load(ghost.taskId)).toBeUndefined())
  const { found } = await store.search({ tenant: 't', filter: {}, limit: 10 })
  expect(found.map(({ task }) => task.taskId)).toEqual([living.taskId])
})

test('a rebuild marks the projection as complete only up to the events whose records it has written, although more arrive before it ends (L8)', async () => {
  const first = await bench.submit()
  let late: { readonly taskId: string; readonly seq: number } | undefined
  let lateIsRead = false
  const store: Store = {
    ...bench.store,
    // The last step before the mark.
    async forget(records) {
      late = await bench.submit()
      await eventually(() => expect(lateIsRead).toBe(true))
      await bench.store.forget(records)
    },
    project(records, retentionMs) {
      if (!records.some(({ taskId }) => taskId === late?.taskId)) {
        return bench.store.project(records, retentionMs)
      }
      lateIsRead = true
      return new Promise(() => undefined)
    },
  }
  const { bus, log, taskLog } = bench
  const rest = { certainlyKeptMs: Date.now() - 60_000, retentionMs: 60_000, afterSeq: 0 }
  const { builtSeq } = await rebuildProjection({
    bus,
    log,
    store,
    taskLog,
    ...rest,
    signal: never,
    monotonicMs: () => 0,
  })
  expect(late?.seq).toBeGreaterThan(first.seq)
  expect(builtSeq).toBe(first.seq)
  expect(await bench.store.builtSeq()).toBe(first.seq)
})

test('the stored position of the projection advances while writes are under way, and never passes a write that has failed', async () => {
  let refused = ''
  const store: Store = {
    ...bench.store,
    project: (records, retentionMs) =>
      records.some(({ taskId }) => taskId === refused)
        ? Promise.reject(new Error('OOM'))
        : bench.store.project(records, retentionMs),
  }
  await bench.start({ store })
  const first = await bench.submit()
  await eventually(async () => {
    expect(await bench.store.builtSeq()).toBe(first.seq)
  })
  refused = 'refused'
  const second = await bench.submit({}, { taskId: refused })
  const third = await bench.submit()
  await eventually(async () => {
    expect((await bench.taskLog.fill()).lastSeq).toBe(third.seq)
  })
  await rounds(TIMING.projectionEveryMs, 5)
  expect(await bench.store.builtSeq()).toBe(second.seq - 1)
  refused = ''
  await complete()
})

test('usage is counted once by two coordinators, and again from the log after Redis was emptied (L8)', async () => {
  await bench.start()
  await bench.start()
  const tasks = await Promise.all([1, 2, 3, 4].map(() => bench.submit()))
  await Promise.all(tasks.map(({ taskId }) => bench.complete(taskId)))
  await eventually(async () => expect(await tokensToday()).toBe(4 * TOKENS))
  await bench.redis('FLUSHALL')
  await eventually(async () => expect(await tokensToday()).toBe(4 * TOKENS))
})

test('usage is counted again from the log page by page, by metadata too, so that a long log takes no more memory (L7, L8)', async () => {
  for (let at = 0; at < 7; at += 1) {
    const { taskId } = await bench.submit(
      at < 2 ? { metadata: { team: 'search', other: 'x' } } : {},
    )
    const end = { attempt: 1, node: 'n1', result: 'r', usage: USAGE }
    await bench.append(taskId, { type: 'completed', atMs: Date.now(), ...end })
  }
  const pages: number[] = []
  const totals: typeof bench.usage = {
    ...bench.usage,
    add(from, to, entries) {
      pages.push(entries.length)
      return bench.usage.add(from, to, entries)
    },
  }
  const counter = createUsageCounter({
    bus: bench.own,
    totals,
    metadataKeys: ['team'],
    log: bench.log,
    pageMax: 3,
  })
  await bench.usage.add(0, 1_000_000, [])
  await counter.flush()
  await bench.redis('FLUSHALL')
  await counter.flush()
  expect(await tokensToday()).toBe(7 * TOKENS)
  const day = new Date().toISOString().slice(0, 10)
  const teams = await bench.usage.readGroups({ by: 'metadata', tenant: 't', key: 'team' }, [day])
  expect(teams).toEqual([
    { day, groups: [{ name: 'search', usage: expect.objectContaining({ llmCalls: 2 }) }] },
  ])
  const tenants = await bench.usage.readGroups({ by: 'tenant' }, [day])
  expect(tenants).toEqual([
    { day, groups: [{ name: 't', usage: expect.objectContaining({ llmCalls: 7 }) }] },
  ])
  expect(pages.length).toBeGreaterThan(0)
})

test('trimming removes the events of ended tasks from the log, and the log keeps all events of an unfinished task (L7)', async () => {
  await bench.start({ retentionMs: 1_000 })
  const ended = await bench.submit()
  await bench.complete(ended.taskId)
  const living = await bench.submit()
  const also = await bench.submit()
  await bench.complete(also.taskId)
  await eventually(async () => {
    expect((await bench.taskLog.fill()).firstSeq).toBe(living.seq)
  })
  await bench.complete(living.taskId)
  expect(await bench.taskLog.history(living.taskId)).toHaveLength(2)
})

test('Redis holds no spec above 8 kB, not even after a rebuild (L7)', async () => {
  await bench.start()
  const { taskId } = await bench.submit({ task: 'y'.repeat(300_000) })
  await shows(taskId, 'queued')
  const bytes = async () => Number(/\d+/.exec(await bench.redis('STRLEN', `task:${taskId}`))?.[0])
  expect(await bytes()).toBeLessThan(8 * 1024)
  await complete()
  await bench.redis('FLUSHALL')
  await shows(taskId, 'queued')
  expect(await bytes()).toBeLessThan(8 * 1024)
  // The log has the whole text.
  expect((await bench.taskLog.record(taskId))?.spec.task).toHaveLength(300_000)
})
