import type { TaskEvent, TaskSpec } from '@agentfleet/domain'
import {
  checkInvariants,
  checkMadeCalls,
  checkTicks,
  loggedEvent,
  type Accepted,
  type LoggedEvent,
} from '@agentfleet/tools'
import { PLAIN_SPEC } from '@agentfleet/testkit'
import { describe, expect, it } from 'vitest'

const USAGE = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }

/** One log for all tasks: each event gets the next sequence. */
function logOf(...stored: readonly (readonly [taskId: string, event: TaskEvent])[]) {
  const histories = new Map<string, LoggedEvent[]>()
  for (const [at, [taskId, event]] of stored.entries()) {
    const events = histories.get(taskId) ?? []
    histories.set(taskId, [...events, loggedEvent(event, at + 1)])
  }
  return histories
}

function breaches(
  histories: ReturnType<typeof logOf>,
  accepted: readonly Accepted[] = [],
): string[] {
  const { violations } = checkInvariants(histories, accepted)
  return violations.map(({ rule, taskId, detail }) => `${rule} ${taskId}: ${detail}`)
}

const submitted = (spec: Partial<TaskSpec> = {}, parentId?: string): TaskEvent => ({
  type: 'submitted',
  atMs: 1,
  tenant: 't',
  spec: { ...PLAIN_SPEC, ...spec },
  specHash: '',
  ...(parentId === undefined ? {} : { parent: { taskId: parentId, step: 1, depth: 1 } }),
})
const released: TaskEvent = { type: 'released', atMs: 2, reason: 'dependencies' }
const started = (attempt = 1, atMs = 2): TaskEvent => ({
  type: 'attempt-started',
  atMs,
  attempt,
  node: 'n',
})
const completed = (attempt = 1, atMs = 3): TaskEvent => ({
  type: 'completed',
  atMs,
  attempt,
  node: 'n',
  result: '',
  usage: USAGE,
})
const failed: TaskEvent = {
  type: 'failed',
  atMs: 3,
  attempt: 1,
  error: { code: 'timeout', message: '' },
}

describe('the check of I6 (a task begins after its dependencies and its time)', () => {
  const after = (spec: Partial<TaskSpec> = {}) => submitted({ dependsOn: ['a'], ...spec })
  const begins = [
    ['b', released],
    ['b', started()],
    ['b', completed()],
  ] as const

  it('finds a task that began before its dependency ended, or although it failed', () => {
    const first = ['a', submitted()] as const
    expect(breaches(logOf(first, ['b', after()], ['a', completed()], ...begins))).toEqual([])
    expect(breaches(logOf(first, ['b', after()], ...begins, ['a', completed()]))).toEqual([
      'I6 b: began before a ended',
    ])
    expect(breaches(logOf(first, ['b', after()], ['a', failed], ...begins))).toEqual([
      'I6 b: began although a ended as failed',
    ])
    const any = after({ onDependencyFailure: 'continue' })
    expect(breaches(logOf(first, ['b', any], ['a', failed], ...begins))).toEqual([])
  })

  it('finds a task that ran before its time', () => {
    const early = (atMs: number) =>
      logOf(
        ['a', submitted({ delayMs: 1_000 })],
        ['a', { type: 'released', atMs, reason: 'time' }],
        ['a', started(1, atMs)],
        ['a', completed(1, atMs)],
      )
    expect(breaches(early(1_001))).toEqual([])
    expect(breaches(early(501))).toEqual(['I6 a: attempt-started 500 ms before its time'])
  })
})

describe('the check of I7 (children are made once, by their parent, and end before it continues)', () => {
  const spawned = (step = 1): TaskEvent => ({
    type: 'spawned',
    atMs: 2,
    attempt: 1,
    step,
    children: [{ taskId: 'c', spec: PLAIN_SPEC }],
  })
  const paused: TaskEvent = {
    type: 'paused',
    atMs: 2,
    attempt: 1,
    wait: { kind: 'children', taskIds: ['c'] },
  }
  const resumed: TaskEvent = { type: 'resumed', atMs: 3, reason: 'children' }
  const parent = [
    ['p', submitted()],
    ['p', spawned()],
    ['p', paused],
  ] as const
  const child = ['c', submitted({}, 'p')] as const
  const goesOn = [
    ['p', resumed],
    ['p', started(2)],
    ['p', completed(2)],
  ] as const

  it('accepts a parent that waits for its child', () => {
    expect(breaches(logOf(...parent, child, ['c', completed()], ...goesOn))).toEqual([])
  })

  it('finds a parent that continued before its child ended', () => {
    expect(breaches(logOf(...parent, child, ...goesOn, ['c', completed()]))).toEqual([
      'I7 p: resumed before its child c ended',
      'I7 p: completed before its child c ended',
    ])
  })

  it('finds a child that its parent did not make, and a step that made its children twice', () => {
    expect(breaches(logOf(['p', submitted()], child, ['c', completed()]))).toEqual([
      'I7 c: a child that its parent did not make',
    ])
    const twice = [['p', submitted()], ['p', spawned()], ['p', spawned()], child] as const
    expect(breaches(logOf(...twice))).toEqual(['I7 p: step 1 made its children twice'])
  })
})

describe('the check of I8 (a call that needs approval)', () => {
  const asked = (step: number): TaskEvent => ({
    type: 'paused',
    atMs: 2,
    attempt: 1,
    wait: { kind: 'approval', step, tool: 'pay', arguments: {} },
  })
  const decided = (approved: boolean, step = 1): TaskEvent => ({
    type: 'resumed',
    atMs: 3,
    reason: 'approval',
    approval: { step, approved, by: 'somebody' },
  })
  const paid = (approved: boolean) =>
    logOf(
      ['a', submitted()],
      ['a', asked(1)],
      ['a', decided(approved)],
      ['a', started(2)],
      ['a', completed(2)],
    )
  const made = (approved: boolean, times: number) =>
    checkMadeCalls(
      paid(approved),
      'pay',
      Array.from({ length: times }, () => ({ taskId: 'a', step: 1 })),
    ).map(({ detail }) => detail)

  it('finds calls that were refused and made, made too often, or never', () => {
    expect(made(true, 1)).toEqual([])
    expect(made(false, 0)).toEqual([])
    expect(made(false, 1)).toEqual(['call 1 was refused, and made'])
    expect(made(true, 2)).toEqual(['call 1 was made 2 times in 1 attempts'])
    expect(made(true, 0)).toEqual(['call 1 was approved and never made'])
  })

  it('finds a decision on a step that did not wait, and one that an answer told otherwise', () => {
    const other = logOf(['a', submitted()], ['a', asked(1)], ['a', decided(true, 3)])
    expect(breaches(other)).toEqual(['I8 a: step 3 was decided, which did not wait'])
    const told = [{ taskId: 'a', decided: { step: 1, approved: false } }]
    expect(breaches(paid(true), told)).toEqual(['I5 a: told refused of step 1, stored true'])
  })
})

describe('the check of I9 (the ticks of a schedule)', () => {
  const tick = (second: number): TaskEvent => ({
    type: 'submitted',
    atMs: second * 1_000,
    tenant: 't',
    spec: PLAIN_SPEC,
    specHash: '',
  })
  const idOf = (tickMs: number): string => `tick-${tickMs / 1_000}`
  const check = (log: ReturnType<typeof logOf>, alone = false) => {
    const stored = { name: 's', fromMs: 500, untilMs: 3_500, alone, taskIds: [...log.keys()], idOf }
    return checkTicks(stored, log).map(({ taskId, detail }) => `${taskId} ${detail}`)
  }

  it('finds a tick after the schedule was deleted, and a task before its tick', () => {
    expect(check(logOf(['tick-1', tick(1)], ['tick-3', tick(3)]))).toEqual([])
    expect(check(logOf(['tick-4', tick(4)]))).toEqual([
      'tick-4 s: a task of no tick while it was stored',
    ])
    expect(check(logOf(['tick-2', tick(1)]))).toEqual(['tick-2 s: a task before its tick'])
  })

  it('finds tasks that overlap although the schedule forbids it', () => {
    const overlapping = logOf(['tick-1', tick(1)], ['tick-2', tick(2)], ['tick-1', completed()])
    expect(check(overlapping)).toEqual([])
    expect(check(overlapping, true)).toEqual(['tick-2 s: submitted before tick-1 ended'])
  })
})
