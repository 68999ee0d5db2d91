import { expect, test } from 'vitest'
import type { TaskSeries, TaskSummary } from '@agentfleet/protocol'
import { behaviourOf } from '../page/agents/behaviour.ts'
import { NO_USAGE } from '@agentfleet/domain'
import { boundOf } from '../page/tasks/filters.ts'
import { listOf } from '../page/tasks/list.ts'
import { neighboursOf } from '../page/tasks/neighbours.ts'
import { VIEWS_MAX, viewsIn, withView } from '../page/tasks/saved.ts'

const NOTHING = {
  at: '2026-01-31T12:00:00.000Z',
  submitted: 0,
  started: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  retried: 0,
  lost: 0,
  llmCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
  unpricedCalls: 0,
}

test('the page shows the share of completed tasks as the success of an agent, and how many of its calls have no price', () => {
  const series: TaskSeries['series'] = [
    { key: 'idle', points: [NOTHING] },
    { key: 'unpriced', points: [{ ...NOTHING, completed: 1, llmCalls: 2, unpricedCalls: 2 }] },
    {
      key: 'busy',
      points: [
        { ...NOTHING, completed: 8, failed: 1, llmCalls: 9, costUsd: 0.4 },
        { ...NOTHING, completed: 1, retried: 3, llmCalls: 1, costUsd: 0.1 },
      ],
    },
  ]
  expect(behaviourOf({ series })).toMatchObject([
    { agent: 'busy', completed: 9, failed: 1, success: 0.9, retried: 3, usdPerTask: 0.05 },
    { agent: 'unpriced', success: 1, costUsd: 0, unpricedCalls: 2 },
    { agent: 'idle', success: undefined, costUsd: 0, usdPerTask: undefined },
  ])
})

test('the page finds the previous and the next task of a task in the list that the reader has seen', () => {
  const tasks = ['a', 'b', 'c'].map((id) => ({ id, usage: NO_USAGE }) as TaskSummary)
  const list = listOf({ tasks, scanned: 3 })
  expect(neighboursOf(list, 'a')).toEqual({ before: undefined, after: 'b' })
  expect(neighboursOf(list, 'b')).toEqual({ before: 'a', after: 'c' })
  const none = { before: undefined, after: undefined }
  expect([neighboursOf(list, 'x'), neighboursOf(undefined, 'a')]).toEqual([none, none])
})

test('saved views are sorted by name, a new view replaces the view with the same name, and invalid stored text is ignored', () => {
  const failed = { name: 'failed', query: { state: 'failed' } }
  for (const text of [undefined, '', '{', '{}', 'null', '[1,null,{"name":1},{"name":"x"}]']) {
    expect(viewsIn(text)).toEqual([])
  }
  expect(viewsIn(JSON.stringify([failed, { name: 'x', query: { a: 1 } }]))).toEqual([failed])
  const views = withView(withView([failed], { name: 'a', query: {} }), { ...failed, query: {} })
  expect(views).toEqual([
    { name: 'a', query: {} },
    { name: 'failed', query: {} },
  ])
  const many = Array.from({ length: VIEWS_MAX + 5 }, () => failed)
  expect(viewsIn(JSON.stringify(many))).toHaveLength(VIEWS_MAX)
})

test('the page writes ≤ or ≥ before a count that is only a bound, and writes an exact count without a sign', () => {
  const shown = (counts: { exact: boolean; unsplit?: number }) =>
    ['queued', 'running', 'failed'].map((state) => boundOf(counts, state))
  expect(shown({ exact: true })).toEqual(['', '', ''])
  expect(shown({ exact: false, unsplit: 5 })).toEqual(['≤ ', '≥ ', ''])
  expect(shown({ exact: false })).toEqual(['≥ ', '≥ ', '≥ '])
})
