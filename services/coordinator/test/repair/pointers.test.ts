import type { TaskEvent, TaskRecord } from '@agentfleet/domain'
import { TIMING } from '@agentfleet/domain'
import { createLogger } from '@agentfleet/runtime'
import { PLAIN_SPEC } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createTaskTable } from '../../src/follower/task-table.ts'
import { createPointerRepair } from '../../src/repair/pointers.ts'

type Deps = Parameters<typeof createPointerRepair>[0]

test('the missing pointer of a tenant is issued after one question to the nodes, although thousands of another tenant were missing before (L7)', async () => {
  const BUSY = 3_000
  const tasks = createTaskTable()
  const events = new Map<string, TaskEvent>()
  let nowMs = 0
  const steps: string[] = []
  const repair = createPointerRepair({
    tasks,
    bus: {
      gather() {
        steps.push('question')
        return Promise.resolve([])
      },
    } as unknown as Deps['bus'],
    pointers: {
      taskIds: () => Promise.resolve(new Set<string>()),
      count: () => Promise.resolve(0),
      announce: () => undefined,
    } as unknown as Deps['pointers'],
    taskLog: {
      last: (taskId: string) => Promise.resolve({ event: events.get(taskId), seq: 1 }),
    } as unknown as Deps['taskLog'],
    issuer: {
      once({ tenant }: TaskRecord) {
        steps.push(tenant)
        return Promise.resolve(true)
      },
      surely: () => Promise.resolve(false),
      close: () => undefined,
    },
    log: createLogger({ service: 'coordinator', id: 'test', level: 'silent' }),
    timing: TIMING,
    nowMs: () => nowMs,
    claimKey: 'a-key-of-the-tests',
  })
  const submit = (tenant: string, at: number): void => {
    const taskId = `${tenant}-${at}`
    const spec = { ...PLAIN_SPEC, timeoutMs: 3_600_000 }
    const event = { type: 'submitted', atMs: 0, tenant, spec, specHash: '' } as const
    events.set(taskId, event)
    repair.note(tasks.apply({ taskId, event, seq: at, storedAtMs: 0, bytes: 500 })!)
  }
  for (let at = 1; at <= BUSY; at += 1) submit('busy', at)
  submit('quiet', BUSY + 1)
  nowMs = 60_000
  expect(await repair.sweep(new AbortController().signal)).toEqual({ issued: BUSY + 1, removed: 0 })
  const before = steps.slice(0, steps.indexOf('quiet'))
  expect(before.filter((step) => step === 'question')).toHaveLength(1)
  expect(before.length).toBeLessThan(10)
})
