import { heartbeatSchema } from '@agentfleet/protocol'
import { describe, expect, test } from 'vitest'
import { openFigures } from '../../src/heartbeat/heartbeat-figures.ts'
import { createRuns } from '../../src/node/runs.ts'

const ITEM = {
  taskId: 'a',
  tenant: 't',
  seq: 5,
  deadlineAtMs: 1,
  fenced: false,
  ackSubject: '$JS.ACK.x',
  claim: 'c',
}

describe('the figures of a node in shared memory', () => {
  test('never have the same version in two heartbeats, even if both threads compose heartbeats', () => {
    const first = openFigures()
    const second = openFigures(first.buffer)
    first.set({ slots: 4, active: 2, draining: 1 })
    const versions = [first, second, first].map((view) => view.compose('w', 1, 2).version)
    expect(versions).toEqual([1, 2, 3])
    expect(second.compose('w', 1, 2)).toMatchObject({ slots: 4, active: 2, draining: true })
    expect(heartbeatSchema.parse(second.compose('w', 1, 2))).toBeDefined()
  })

  test('get a higher incarnation even when the clock has gone back', () => {
    const figures = openFigures()
    figures.raiseIncarnation(1_000)
    figures.raiseIncarnation(500)
    expect(figures.incarnation()).toBe(1_001)
    figures.raiseIncarnation(2_000)
    expect(figures.incarnation()).toBe(2_000)
  })

  test('contain the larger of the delays that both threads measure', () => {
    const figures = openFigures()
    figures.set({ lagMs: 3, stallMs: 900 })
    expect(figures.compose('w', 1, 2).lagMs).toBe(900)
  })
})

describe('the table of the runs of a node', () => {
  test('ends each run only once, and cancels the running calls of the ended run', () => {
    const seen: string[] = []
    let cancelled = 0
    const runs = createRuns((run) => seen.push(run?.over ?? 'added'))
    const run = runs.add(ITEM, 0, 0)
    run.cancel = () => {
      cancelled += 1
    }
    expect([runs.size(), runs.waiting()]).toEqual([1, 1])
    runs.enter(run, 'running')
    expect(runs.waiting()).toBe(0)
    expect(runs.end(run, 'stopped')).toBe(true)
    expect(runs.end(run, 'completed')).toBe(false)
    expect([runs.size(), cancelled, run.over]).toEqual([0, 1, 'stopped'])
    expect(seen).toEqual(['added', 'stopped'])
  })

  test('distinguishes runs that wait for the node or the coordinator from runs that work', () => {
    let nowMs = 0
    const runs = createRuns(
      () => undefined,
      () => nowMs,
    )
    const run = runs.add(ITEM, 0, 0)
    expect([runs.held(), runs.stuckMs(500)]).toEqual([1, 500])
    nowMs = 600
    runs.enter(run, 'running')
    expect([runs.held(), runs.stuckMs(9_000)]).toEqual([0, 0])
    nowMs = 10_000
    runs.enter(run, 'reporting')
    expect([runs.held(), runs.stuckMs(10_200)]).toEqual([1, 200])
    runs.end(run, 'completed')
    expect([runs.held(), runs.stuckMs(11_000)]).toEqual([0, 0])
  })

  test('keeps the new run of a task when the replaced run ends', () => {
    const runs = createRuns(() => undefined)
    const old = runs.add(ITEM, 0, 0)
    runs.end(old, 'replaced')
    const next = runs.add({ ...ITEM, seq: 6 }, 0, 0)
    expect(runs.end(old, 'completed')).toBe(false)
    expect(runs.get('a')).toBe(next)
    runs.enter(old, 'running')
    expect(runs.waiting()).toBe(1)
  })
})
