import { PLAIN_SPEC } from '@agentfleet/testkit'
import type { TailedEvent } from '@agentfleet/adapters'
import { costOf, DEPENDENCIES_MAX, SPEC_LIMITS, type TaskSpec } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { createTaskTable } from '../../src/follower/task-table.ts'
import { PAIRS_MAX } from '../../src/follower/task-relations.ts'

const spec: TaskSpec = PLAIN_SPEC
const submitted = (
  taskId: string,
  seq: number,
  change: Partial<TaskSpec> = {},
  bytes = 500,
): TailedEvent => ({
  taskId,
  seq,
  storedAtMs: 0,
  bytes,
  event: {
    type: 'submitted',
    atMs: 0,
    tenant: `of-${taskId}`,
    spec: { ...spec, ...change },
    specHash: 'h',
  },
})

test('a task whose end event was purged before this coordinator read the event does not stay in the table', () => {
  const table = createTaskTable()
  table.apply(submitted('ghost', 1))
  table.apply(submitted('waits', 2, { dependsOn: ['living'] }))
  table.apply(submitted('living', 5))
  expect(table.neededFrom()).toBe(1)
  // Another replica purged everything before 5, the ends of the first two among it.
  expect(table.dropBefore(5).map(({ taskId }) => taskId)).toEqual(['ghost', 'waits'])
  expect([...table.records()].map(({ taskId }) => taskId)).toEqual(['living'])
  expect(table.queues().map(({ tenant }) => tenant)).toEqual(['of-living'])
  expect([...table.waitersOf('living')]).toEqual([])
  expect([...table.waiting()]).toEqual([])
  expect(table.runnable()).toBe(1)
  expect(table.neededFrom()).toBe(5)
  expect(table.dropBefore(5)).toEqual([])
})

test('the texts of a large spec stay in the log, and the table in memory keeps only the fields that decisions need (L7)', () => {
  const table = createTaskTable()
  const change = {
    task: 'y'.repeat(400_000),
    context: { text: 'c'.repeat(200_000) },
    dependsOn: ['other'],
    notBeforeMs: 7,
  }
  const record = table.apply(submitted('large', 1, change, 600_500))!
  expect(JSON.stringify(record).length).toBeLessThan(1_000)
  expect(record.spec).toMatchObject({ task: 'y'.repeat(160), dependsOn: ['other'], notBeforeMs: 7 })
  expect(record.spec.context).toBeUndefined()
  expect(record.omitted).toEqual({ cost: costOf({ ...spec, ...change }) })
  expect(table.historyBytes('large')).toBe(600_500)
})

test("small specs take at most 48 MiB of a coordinator's task table, and the specs of further tasks stay in the log (L7)", () => {
  const table = createTaskTable()
  const eight = 8 * 1024
  const most = (48 * 1024 * 1024) / eight
  for (let seq = 1; seq <= most + 10; seq += 1) table.apply(submitted(`t${seq}`, seq, {}, eight))
  const whole = [...table.records()].filter(({ omitted }) => omitted === undefined)
  expect(whole).toHaveLength(most)
  // The end of a task makes room for another one.
  const ended = { type: 'cancelled', atMs: 1, reason: 'r' } as const
  table.apply({ taskId: 't1', seq: most + 11, event: ended, storedAtMs: 1, bytes: 100 })
  expect(table.apply(submitted('next', most + 12, {}, eight))?.omitted).toBeUndefined()
  expect(table.apply(submitted('last', most + 13, {}, eight))?.omitted).toBeDefined()
})

test('the specs of a quiet tenant stay in the table of a coordinator, no matter how many tasks a busy tenant has (L7)', () => {
  const table = createTaskTable(() => 2)
  const eight = 8 * 1024
  const of = (tenant: string, taskId: string, seq: number): TailedEvent => {
    const { event, ...rest } = submitted(taskId, seq, {}, eight)
    return { ...rest, event: { ...event, tenant } as TailedEvent['event'] }
  }
  const most = (48 * 1024 * 1024) / eight
  for (let seq = 1; seq <= 2 * most; seq += 1) table.apply(of('busy', `busy-${seq}`, seq))
  const whole = () => [...table.records()].filter(({ omitted }) => omitted === undefined)
  expect(whole()).toHaveLength(most / 2)
  for (let at = 1; at <= 1_000; at += 1) {
    expect(table.apply(of('quiet', `quiet-${at}`, 2 * most + at))?.omitted).toBeUndefined()
  }
  // The end of its tasks makes room for further tasks of the busy tenant.
  const cancelled = { type: 'cancelled', atMs: 1, reason: 'r' } as const
  const ends = { event: cancelled, storedAtMs: 1, bytes: 100 }
  for (let seq = 1; seq <= 1_000; seq += 1) {
    table.apply({ taskId: `busy-${seq}`, seq: 3 * most + seq, ...ends })
  }
  expect(table.apply(of('busy', 'next', 4 * most))?.omitted).toBeUndefined()
})

test('the arguments of a call that waits for approval, and many answers, stay in the log (L7)', () => {
  const table = createTaskTable()
  table.apply(submitted('asks', 1))
  const wait = { kind: 'approval', step: 1, tool: 't', arguments: 'x'.repeat(100_000) } as const
  const paused = { type: 'paused', atMs: 1, attempt: 1, wait } as const
  const asking = table.apply({ taskId: 'asks', seq: 2, event: paused, storedAtMs: 1, bytes: 1e5 })
  expect(asking?.waitingFor).toEqual({ ...wait, arguments: null })
  expect(asking?.omitted).toBeDefined()
})

test('the facts of a task whose fields all have their largest size take some kilobytes (L7)', () => {
  const table = createTaskTable()
  const names = (count: number, chars: number): string[] =>
    Array.from({ length: count }, (_, at) => `${at}`.padEnd(chars, 'ü'))
  const { metadataKeysMax, metadataKeyCharsMax, metadataValueCharsMax } = SPEC_LIMITS
  const keys = names(metadataKeysMax, metadataKeyCharsMax)
  const record = table.apply(
    submitted(
      'largest',
      1,
      {
        task: 'ü'.repeat(SPEC_LIMITS.taskCharsMax),
        systemPrompt: 'ü'.repeat(SPEC_LIMITS.systemPromptCharsMax),
        context: 'c'.repeat(SPEC_LIMITS.contextBytesMax),
        metadata: Object.fromEntries(keys.map((key) => [key, 'ü'.repeat(metadataValueCharsMax)])),
        affinityKey: 'ü'.repeat(SPEC_LIMITS.affinityKeyCharsMax),
        tools: names(SPEC_LIMITS.toolNamesMax, 128),
        fallbackModels: names(SPEC_LIMITS.fallbackModelsMax, 200),
        sampling: { stop: names(SPEC_LIMITS.stopsMax, SPEC_LIMITS.stopCharsMax) },
        dependsOn: names(DEPENDENCIES_MAX, 36),
      },
      1_700_000,
    ),
  )
  expect(record?.spec.metadata).toBeUndefined()
  expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(24 * 1024)
})

test('what tasks wait for takes a bounded room of a coordinator, of which each tenant has a share (L7)', () => {
  const table = createTaskTable(() => 2)
  let seq = 0
  const submit = (tenant: string, taskId: string, dependsOn: readonly string[]): void => {
    const { event, ...rest } = submitted(taskId, (seq += 1), { dependsOn })
    table.apply({ ...rest, event: { ...event, tenant } as TailedEvent['event'] })
  }
  const idsOf = (taskId: string): string[] =>
    Array.from({ length: DEPENDENCIES_MAX }, (_, at) => `${taskId}-needs-${at}`)
  const most = PAIRS_MAX / DEPENDENCIES_MAX
  for (let at = 0; at < most; at += 1) submit('busy', `busy-${at}`, idsOf(`busy-${at}`))
  const kept = (taskId: string) => idsOf(taskId).every((id) => [...table.waitersOf(id)].length > 0)
  const busy = Array.from({ length: most }, (_, at) => `busy-${at}`)
  expect(busy.filter(kept)).toEqual(busy.slice(0, most / 2))
  // A task without room waits all the same.
  expect([...table.waiting()]).toHaveLength(most)
  for (let at = 0; at < 100; at += 1) submit('quiet', `quiet-${at}`, idsOf(`quiet-${at}`))
  for (let at = 0; at < 100; at += 1) expect(kept(`quiet-${at}`)).toBe(true)
  // Tasks that no longer wait make room for further tasks of their tenant.
  const released = { type: 'released', atMs: 1, reason: 'dependencies' } as const
  for (let at = 0; at < most; at += 1) {
    const event = { taskId: `busy-${at}`, seq: (seq += 1), storedAtMs: 1, bytes: 50 }
    table.apply({ ...event, event: released })
  }
  expect(busy.some(kept)).toBe(false)
  submit('busy', 'next', idsOf('next'))
  expect(kept('next')).toBe(true)
})

test('a task is found by each task that it waits for, alone or next to other tasks', () => {
  const table = createTaskTable()
  const waiters = (id: string) => [...table.waitersOf(id)].toSorted()
  table.apply(submitted('a', 1, { dependsOn: ['x', 'x', 'y'] }))
  table.apply(submitted('b', 2, { dependsOn: ['x'] }))
  table.apply(submitted('c', 3, { dependsOn: ['x'] }))
  expect([waiters('x'), waiters('y'), waiters('z')]).toEqual([['a', 'b', 'c'], ['a'], []])
  const cancelled = { type: 'cancelled', atMs: 1, reason: 'r' } as const
  for (const [at, taskId] of ['a', 'c', 'b'].entries()) {
    table.apply({ taskId, seq: 4 + at, event: cancelled, storedAtMs: 1, bytes: 50 })
    if (taskId === 'a') expect([waiters('x'), waiters('y')]).toEqual([['b', 'c'], []])
  }
  expect(waiters('x')).toEqual([])
})
