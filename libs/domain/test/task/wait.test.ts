import { array, assert as check, constantFrom, property, record as fields } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHILDREN_MAX,
  deadlineAtMs,
  decideBegin,
  decidePause,
  decideRelease,
  decideSpawn,
  decideTick,
  decideRepair,
  TIMING,
  DEPTH_MAX,
  foldHistory,
  ownBudget,
  LOST_ATTEMPTS_MAX,
  PAUSES_MAX,
  transition,
  withBudgetSent,
  type Fate,
  type Submitted,
  type TaskEvent,
  type TaskRecord,
  type TaskSpec,
  type Waiting,
} from '../../src/index.ts'

const spec: TaskSpec = {
  task: 'x',
  agent: 'assistant',
  model: 'echo',
  cpu: 'low',
  memory: 'low',
  priority: 'low',
  timeoutMs: 10_000,
  maxAttempts: 2,
}
const submittedWith = (over: Partial<TaskSpec>): Submitted => ({
  type: 'submitted',
  atMs: 1_000,
  tenant: 't',
  specHash: '',
  spec: { ...spec, ...over },
})
const fold = (...events: TaskEvent[]): TaskRecord =>
  foldHistory(
    'id',
    events.map((event, index) => ({ event, seq: index + 1 })),
  )!

const approval: Waiting = { kind: 'approval', step: 4, tool: 'pay', arguments: {} }
const paused: TaskEvent = { type: 'paused', atMs: 2_000, attempt: 1, wait: approval }
const released = (reason: 'time' | 'dependencies', atMs: number): TaskEvent => ({
  type: 'released',
  atMs,
  reason,
})

describe('a task that waits from its submission', () => {
  it('has no attempt before its first attempt begins, and does not lose an attempt by waiting', () => {
    const waiting = fold(submittedWith({ delayMs: 500 }))
    expect(waiting).toMatchObject({
      state: 'waiting',
      attempt: 0,
      waitingFor: { kind: 'time', untilMs: 1_500 },
    })
    expect(decideBegin(waiting, 1_200)).toEqual({ kind: 'waiting', reason: 'time' })
    const free = fold(submittedWith({ delayMs: 500 }), released('time', 1_500))
    expect(free).toMatchObject({ state: 'queued', attempt: 0 })
    expect(free?.waitingFor).toBeUndefined()
    expect(decideBegin(free, 1_600)).toMatchObject({ kind: 'start', attempt: 1 })
  })

  it('with a delay and a start time waits for the later of the two, and its lifetime begins then', () => {
    const waiting = fold(submittedWith({ delayMs: 500, notBeforeMs: 9_000 }))
    expect(waiting.waitingFor).toEqual({ kind: 'time', untilMs: 9_000 })
    expect(deadlineAtMs(waiting)).toBe(19_000)
  })

  it('still waits for its start time when its dependencies have ended earlier', () => {
    const base = submittedWith({ dependsOn: ['a'], delayMs: 500 })
    expect(fold(base).waitingFor).toEqual({ kind: 'dependencies', taskIds: ['a'] })
    const early = fold(base, released('dependencies', 1_200))
    expect(early).toMatchObject({ state: 'waiting', waitingFor: { kind: 'time' } })
    expect(fold(base, released('dependencies', 1_500)).state).toBe('queued')
  })

  it('gets no pointer from repair while it waits, and ends when its lifetime is over', () => {
    const waiting = fold(submittedWith({ dependsOn: ['a'] }))
    expect(decideRepair(waiting, false, TIMING, 5_000)).toEqual({ kind: 'none', reason: 'waiting' })
    expect(decideRepair(waiting, false, TIMING, 11_000)).toEqual({
      kind: 'expire',
      reason: 'deadline',
    })
  })
})

describe('a run that pauses', () => {
  it('counts neither as a failed nor as a lost attempt while the task waits', () => {
    const record = fold(submittedWith({}), paused)
    expect(record).toMatchObject({ state: 'waiting', waitingFor: approval, pauses: 1, failures: 0 })
  })

  it('begins again with the answer that it has waited for', () => {
    const said = { step: 4, approved: false, by: 'ann', note: 'too much' }
    const resumed: TaskEvent = { type: 'resumed', atMs: 3_000, reason: 'approval', approval: said }
    const record = fold(submittedWith({}), paused, resumed)
    expect(record).toMatchObject({ state: 'queued', approvals: [said], attempt: 1 })
    expect(decideBegin(record, 3_000)).toMatchObject({ kind: 'start', attempt: 2 })
  })

  it('is not resumed by the end of another wait', () => {
    const record = fold(submittedWith({}), paused)
    const children: TaskEvent = { type: 'resumed', atMs: 3_000, reason: 'children' }
    const stale = { kind: 'stale', reason: 'not-waiting' }
    expect(transition('id', record, children, 9)).toMatchObject(stale)
    expect(transition('id', record, released('time', 3_000), 9)).toMatchObject(stale)
  })

  it('does not count as a lost attempt, no matter how often it pauses', () => {
    const pauses = LOST_ATTEMPTS_MAX + 3
    const record = { ...fold(submittedWith({})), attempt: pauses + 1, pauses }
    expect(decideBegin(record, 2_000).kind).toBe('start')
    expect(decideBegin({ ...record, pauses: 0 }, 2_000)).toMatchObject({ reason: 'lost' })
  })

  it('fails when it pauses more often than the limit allows (L7)', () => {
    const record = fold(submittedWith({}))
    expect(decidePause(record, approval).kind).toBe('pause')
    expect(decidePause({ ...record, pauses: PAUSES_MAX }, approval)).toMatchObject({
      kind: 'fail',
      error: { code: 'too-many-pauses' },
    })
  })
})

describe('the end of the wait of a task', () => {
  const dependent = fold(submittedWith({ dependsOn: ['a', 'b'] }))
  const carefree = fold(submittedWith({ dependsOn: ['a', 'b'], onDependencyFailure: 'continue' }))
  const children: Waiting = { kind: 'children', taskIds: ['a', 'b'] }
  const parent = fold(submittedWith({}), { ...paused, wait: children })
  const asking = fold(submittedWith({}), paused)
  it.each<[string, TaskRecord, [Fate, Fate], object]>([
    ['waits for the last one', dependent, ['completed', 'open'], { kind: 'wait' }],
    ['releases after the last one', dependent, ['completed', 'completed'], { kind: 'release' }],
    ['fails with the first failure', dependent, ['open', 'failed'], { kind: 'fail' }],
    ['fails when one is cancelled', dependent, ['completed', 'cancelled'], { kind: 'fail' }],
    ['fails when one is no longer stored', dependent, ['completed', 'gone'], { kind: 'fail' }],
    ['waits for all when it may continue', carefree, ['failed', 'open'], { kind: 'wait' }],
    ['continues after failures when it may', carefree, ['failed', 'gone'], { kind: 'release' }],
    ['waits for every child', parent, ['failed', 'open'], { kind: 'wait' }],
    ['waits for a person, even if tasks end', asking, ['completed', 'failed'], { kind: 'wait' }],
    ['leaves failed children to the run', parent, ['failed', 'completed'], { kind: 'resume' }],
  ])(
    'depends on the fates of the awaited tasks: the task %s',
    (_title, record, [a, b], expected) => {
      const fates = new Map<string, Fate>([
        ['a', a],
        ['b', b],
      ])
      expect(decideRelease(record, fates, 2_000)).toMatchObject(expected)
    },
  )

  it('contains the id of the dependency that failed', () => {
    const decision = decideRelease(dependent, new Map([['b', 'failed']]), 2_000)
    expect(decision).toMatchObject({ error: { code: 'dependency-failed' } })
    expect(JSON.stringify(decision)).toContain('the task b')
  })

  it('happens when the time is reached, and not earlier', () => {
    const record = fold(submittedWith({ delayMs: 500 }))
    expect(decideRelease(record, new Map(), 1_499).kind).toBe('wait')
    expect(decideRelease(record, new Map(), 1_500).kind).toBe('release')
  })
})

const waitEvent = fields({
  type: constantFrom(
    'released' as const,
    'paused' as const,
    'resumed' as const,
    'spawned' as const,
    'attempt-started' as const,
    'completed' as const,
  ),
  attempt: constantFrom(1, 2, 3),
}).map(({ type, attempt }): TaskEvent => {
  switch (type) {
    case 'released':
      return released('time', 5_000)
    case 'paused':
      return { type, atMs: 1, attempt, wait: approval }
    case 'resumed':
      return { type, atMs: 1, reason: 'approval' }
    case 'spawned':
      return { type, atMs: 1, attempt, step: attempt, children: [{ taskId: 'c', spec }] }
    case 'attempt-started':
      return { type, atMs: 1, attempt, node: 'n' }
    case 'completed':
      return { type, atMs: 1, attempt, node: 'n', result: 1, usage: fold(submittedWith({})).usage }
  }
})

describe('the record of a task with any history of waits', () => {
  it('contains what the task waits for exactly while the task waits', () => {
    check(
      property(
        array(waitEvent, { maxLength: 12 }),
        constantFrom({}, { delayMs: 5 }, { dependsOn: ['a'] }),
        (events, over) => {
          let record: TaskRecord | undefined
          for (const [index, event] of [submittedWith(over), ...events].entries()) {
            const outcome = transition('id', record, event, index + 1)
            if (outcome.kind === 'applied') record = outcome.record
            expect(record?.waitingFor !== undefined).toBe(record?.state === 'waiting')
          }
        },
      ),
    )
  })
})

describe('a run that starts children', () => {
  const record = fold(submittedWith({ budget: { tokens: 900, turns: 8 } }))
  const idOf = (position: number): string => `child-${position}`
  const spawn = (of: TaskRecord, specs: TaskSpec[], nowMs = 2_000) =>
    decideSpawn(of, 3, specs, idOf, nowMs)

  it('gives each child a deadline within the deadline of the run, and an equal part of the budget of the run', () => {
    const decision = spawn(record, [spec, { ...spec, budget: { tokens: 10 } }])
    expect(decision).toMatchObject({
      kind: 'spawn',
      depth: 1,
      specs: [
        { timeoutMs: 9_000, budget: { tokens: 300, turns: 2 } },
        { timeoutMs: 9_000, budget: { tokens: 10, turns: 2 } },
      ],
    })
  })

  it('counts the budget that it gave its children as used, both for its own calls and for further children', () => {
    const first = spawn(record, [spec, spec])
    const children =
      first.kind === 'spawn' ? first.specs.map((each, n) => ({ taskId: idOf(n), spec: each })) : []
    const event: TaskEvent = { type: 'spawned', atMs: 2_000, attempt: 1, step: 3, children }
    const after = fold(submittedWith({ budget: { tokens: 900, turns: 8 } }), event)
    expect(after).toMatchObject({ state: 'running', granted: { tokens: 600, turns: 4 } })
    expect(ownBudget(after)).toEqual({ tokens: 300, turns: 4 })
    const usage = { inputTokens: 70, outputTokens: 30, llmCalls: 4 }
    const over = { code: 'budget-exceeded', message: 'no call is left' }
    expect(withBudgetSent({ ...after, usage }, over).message).toBe(
      'no call is left. The task was sent with a budget of 900 tokens: its children may use 600, and 200 are left. ' +
        'The task was sent with a budget of 8 LLM calls: its children may use 4, and 0 are left',
    )
    expect(withBudgetSent(record, over)).toBe(over)
    expect(decideSpawn(after, 5, [spec], idOf, 2_000)).toMatchObject({
      specs: [{ budget: { tokens: 150, turns: 2 } }],
    })
  })

  it('starts the children of a step only once', () => {
    const before = { ...record, children: [{ taskId: 'child-0', step: 3 }] }
    expect(spawn(before, [spec])).toEqual({ kind: 'present', taskIds: ['child-0'] })
  })

  it.each([
    ['too many', record, Array.from({ length: CHILDREN_MAX + 1 }, () => spec), 'too-many-children'],
    [
      'too deep',
      { ...record, parent: { taskId: 'p', step: 0, depth: DEPTH_MAX } },
      [spec],
      'too-deep',
    ],
    [
      'dependent on a foreign task',
      record,
      [{ ...spec, dependsOn: ['other'] }],
      'unknown-dependency',
    ],
    ['in a cycle', record, [{ ...spec, dependsOn: ['child-1'] }, spec], 'unknown-dependency'],
  ] as const)('gets a refusal for children that are %s', (_title, of, specs, code) => {
    expect(spawn(of, [...specs])).toMatchObject({ kind: 'reject', error: { code } })
  })

  it('may let a child depend on an earlier child', () => {
    expect(spawn(record, [spec, { ...spec, dependsOn: ['child-0'] }]).kind).toBe('spawn')
  })
})

describe('a tick of a schedule', () => {
  const everyMinute = (atMs: number): number => (Math.floor(atMs / 60_000) + 1) * 60_000
  const base = { overlap: 'skip', paused: false, atMs: 30_000 } as const
  const run = { tickMs: 60_000, taskId: 'a', skipped: false, atMs: 60_001 }
  it.each([
    ['waits for the first one', base, undefined, false, 40_000, { kind: 'wait', untilMs: 60_000 }],
    ['comes when it is due', base, undefined, false, 60_100, { kind: 'submit', reason: 'due' }],
    ['comes once', base, run, false, 60_200, { kind: 'wait', untilMs: 120_000 }],
    ['is skipped while the last task runs', base, run, true, 120_100, { kind: 'skip' }],
    [
      'comes all the same where overlap is allowed',
      { ...base, overlap: 'allow' as const },
      run,
      true,
      120_100,
      { kind: 'submit', tickMs: 120_000 },
    ],
    [
      'that was missed is made up for once, the last one',
      base,
      run,
      false,
      3_630_000,
      { kind: 'submit', tickMs: 3_600_000, reason: 'catch-up' },
    ],
    [
      'that is pending is submitted before later ticks',
      base,
      { ...run, pending: true as const },
      true,
      120_100,
      { kind: 'submit', tickMs: 60_000, reason: 'pending' },
    ],
    [
      'that is pending is over when the schedule was changed after it',
      { ...base, atMs: 90_000 },
      { ...run, pending: true as const },
      false,
      120_100,
      { kind: 'submit', tickMs: 120_000, reason: 'due' },
    ],
    [
      'never comes while it is paused',
      { ...base, paused: true },
      run,
      false,
      1e9,
      { kind: 'rest' },
    ],
  ])(
    'depends on the schedule, its last task and the time: the tick %s',
    (_title, schedule, last, open, nowMs, expected) => {
      expect(decideTick(schedule, last, everyMinute, open, nowMs)).toMatchObject(expected)
    },
  )
})
