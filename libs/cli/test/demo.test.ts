import { describe, expect, test } from 'vitest'
import { createHistory, spreadOf, type History, type Kill } from '../src/demo/history.ts'
import { killAfter, runLoad } from '../src/demo/play.ts'
import { demoReport, isKept, type DemoFigures } from '../src/demo/report.ts'
import { contextWith } from './context.ts'
import { fleetWith, NODE } from './render/fleet-view.ts'
import { uncoloured } from '../src/render/paint.ts'

const KILL = { node: 'worker-1', running: 12, atMs: 1_000 }

function event(taskId: string, type: string, atMs: number) {
  const llmCalls = type === 'completed' ? 3 : 0
  return { taskId, type, atMs, storedAtMs: atMs + 1, llmCalls }
}

/** The figures of a demo whose simulator counted this many calls: by default exactly those of the log. */
function figuresOf(
  history: History,
  llmMsOf: ReadonlyMap<string, number>,
  kills: readonly Kill[] = [],
  paid?: number,
): DemoFigures {
  const figures = history.figures(llmMsOf, kills)
  return {
    ...figures,
    paid: paid ?? figures.calls,
    paidTwice: 0,
    paidTwiceElsewhere: 0,
    kills,
    page: 'http://127.0.0.1:8080/console',
  }
}

describe('the figures of a demo', () => {
  test('the latency excludes the time of the LLM, and the failover time of a task counts from the last kill before its new attempt', () => {
    const history = createHistory()
    history.note(event('quick', 'submitted', 100))
    history.note(event('quick', 'completed', 709))
    history.note(event('moved', 'submitted', 500))
    history.note(event('moved', 'attempt-started', 2_800))
    history.note(event('moved', 'completed', 3_500))
    expect(['quick', 'moved', 'other'].filter(history.hasEnded)).toEqual(['quick', 'moved'])
    expect(history.restarted()).toEqual(['moved'])
    const llmMsOf = new Map([
      ['quick', 600],
      ['moved', 600],
    ])
    const figures = figuresOf(history, llmMsOf, [KILL, { ...KILL, atMs: 2_000 }])
    expect(figures).toMatchObject({ accepted: 2, completed: 2, failed: 0, lost: 0, endedTwice: 0 })
    expect(figures.addedMs).toEqual({ count: 1, p50: 10, p99: 10, max: 10 })
    expect(figures.failoverMs).toEqual({ count: 1, p50: 800, p99: 800, max: 800 })
    expect(isKept(figures)).toBe(true)
  })

  test('a task without a submission or an ending in the log is lost', () => {
    const history = createHistory()
    history.note(event('open', 'submitted', 1))
    history.note(event('unheard', 'completed', 1))
    const ids = ['open', 'unheard', 'unknown']
    const figures = figuresOf(history, new Map(ids.map((id) => [id, 0])))
    expect(figures).toMatchObject({ accepted: 3, completed: 0, lost: 3 })
    expect(isKept(figures)).toBe(false)
  })

  test('a task with two endings is reported as a violation', () => {
    const history = createHistory()
    history.note(event('twice', 'submitted', 1))
    history.note(event('twice', 'completed', 2))
    history.note(event('twice', 'failed', 3))
    const figures = figuresOf(history, new Map([['twice', 0]]))
    expect(figures).toMatchObject({ lost: 0, endedTwice: 1 })
    expect(isKept(figures)).toBe(false)
  })

  test('a simulator that counted fewer calls than the log has is reported, because its counters cannot show what was paid twice', () => {
    const history = createHistory()
    history.note(event('a', 'submitted', 1))
    history.note(event('a', 'completed', 3))
    const tasks = new Map([['a', 0]])
    expect(isKept(figuresOf(history, tasks))).toBe(true)
    const off = figuresOf(history, tasks, [], 2)
    expect(off).toMatchObject({ calls: 3, paid: 2, lost: 0 })
    expect(isKept(off)).toBe(false)
    expect(demoReport(off, { paint: uncoloured, columns: undefined })).toMatch(
      /^LLM calls +3 +.*, but the simulator counted only 2$/m,
    )
  })

  test('each quantile is one of the measured values', () => {
    const values = Array.from({ length: 100 }, (_, at) => at + 1)
    expect(spreadOf(values)).toEqual({ count: 100, p50: 50, p99: 99, max: 100 })
    expect(spreadOf([])).toEqual({ count: 0, p50: 0, p99: 0, max: 0 })
  })

  test('the demo spreads its kills evenly over the time in which its tasks run', () => {
    const at = [0, 1, 2].map((index) => killAfter(index, { tasks: 20_000, kills: 3 }))
    expect(at).toEqual([5_000, 10_000, 15_000])
  })

  test('the demo waits until its own tasks have ended, even if other tasks of the fleet end earlier', async () => {
    const history = createHistory()
    const llmMsOf = new Map<string, number>()
    let looks = 0
    const context = contextWith({
      progress: () => {
        looks += 1
        for (const taskId of ['a', 'b'])
          if (looks === 2) history.note(event(taskId, 'completed', 2))
      },
    })
    context.client.fleet = async () => fleetWith({ nodes: [NODE] })
    context.client.submitBatch = async (tasks) => {
      for (const other of ['x', 'y', 'z']) history.note(event(other, 'completed', 1))
      const ids = ['a', 'b'].slice(0, tasks.length)
      for (const taskId of ids) history.note(event(taskId, 'submitted', 1))
      return ids.map((taskId) => ({ status: 202, taskId }))
    }
    await runLoad(context, { options: { tasks: 2, kills: 0 }, history, llmMsOf })
    expect(history.figures(llmMsOf, [])).toMatchObject({ accepted: 2, completed: 2, lost: 0 })
  })

  test('the printed report of the demo matches the snapshot in this test', () => {
    const history = createHistory()
    history.note(event('quick', 'submitted', 100))
    history.note(event('quick', 'completed', 1_109))
    const figures = figuresOf(history, new Map([['quick', 600]]), [KILL], 3)
    const report = demoReport(figures, { paint: uncoloured, columns: undefined })
    expect(`\n${report}\n`).toMatchInlineSnapshot(`
      "
      MEASURED       RESULT                  HOW
      tasks          1 accepted              the log has 1.0 accepted tasks a second
      completed      1                       the log shows that 0 tasks failed
      lost           0                       the log has no end of these accepted tasks
      ended twice    0                       the log has two ends of these tasks
      added latency  p50 410 ms, p99 410 ms  1 task took this time in addition to the LLM calls
      failover       —                       no task of a killed node had to run again
      LLM calls      3                       the log has these calls of the tasks, and the simulator counted all of them
      paid twice     0 of 3 calls (0.00 %)   the simulator counted these calls, in tasks with several attempts

      killed: worker-1 (12 running tasks)

      the page of the fleet: http://127.0.0.1:8080/console
      "
    `)
  })
})
