import { expect, test } from 'vitest'
import type { TaskSummary } from '@agentfleet/protocol'
import { withQuery } from '../page/api/query.ts'
import { rangeOf, ROW_PX, shapeOf } from '../page/parts/tables/rows-in-view.ts'
import { NOTHING_DONE, partsOfIds, runPages } from '../page/tasks/bulk.ts'
import type { BulkPage, BulkPart } from '../page/tasks/bulk.ts'
import { cancelBodies, filterWords, filtersOf, replayBodies } from '../page/tasks/filters.ts'
import {
  listOf,
  pageAt,
  rowsBetween,
  rowsWith,
  usedWords,
  withAgain,
  withNext,
  type TaskList,
} from '../page/tasks/list.ts'
import { periodsOf } from '../page/tasks/periods.ts'

const task = (id: number, state: TaskSummary['state'] = 'queued'): TaskSummary => ({
  id: String(id),
  state,
  kind: 'task',
  agent: 'a',
  model: 'm',
  priority: 'medium',
  preview: '',
  createdAt: new Date(id * 1_000).toISOString(),
  updatedAt: new Date(id * 1_000).toISOString(),
  seq: 1,
  attempt: 0,
  failures: 0,
  usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
})
const page = (ids: readonly number[], nextCursor?: string) => ({
  tasks: ids.map((id) => task(id)),
  scanned: ids.length,
  ...(nextCursor === undefined ? {} : { nextCursor }),
})
const rowsOf = (list: TaskList) => rowsBetween(list, 0, Infinity)
const idsOf = (list: TaskList) => rowsOf(list).map(({ id }) => Number(id))

test('the page reads the filters of an address and ignores unknown filters', () => {
  const query = {
    state: 'failed\nnone\nwaiting',
    agent: ' a ',
    metadata: 'k=v\nx=y',
    tab: 'x',
    q: '',
  }
  const filters = filtersOf(query)
  expect(filters).toEqual({ state: ['waiting', 'failed'], agent: 'a', metadata: ['k=v', 'x=y'] })
  expect(filterWords(filters)).toBe('waiting or failed, agent a, metadata (key=value) k=v, x=y')
  expect(withQuery('/v1/tasks', { ...filters, limit: 5 })).toBe(
    '/v1/tasks?state=waiting&state=failed&agent=a&metadata=k%3Dv&metadata=x%3Dy&limit=5',
  )
})

test('bulk actions use the filters of the list, limited to tasks that the action can change', () => {
  expect(cancelBodies({})).toEqual([{ state: ['waiting', 'queued', 'running', 'retrying'] }])
  expect(cancelBodies({ state: ['running', 'failed'], metadata: ['k=a=b'] })).toEqual([
    { state: ['running'], metadata: { k: 'a=b' } },
  ])
  expect(cancelBodies({ state: ['failed'] })).toEqual([])
  expect(cancelBodies({ endedAfter: '2026-01-31' })).toEqual([])
  expect(replayBodies({ agent: 'a' })).toEqual([{ agent: 'a', state: 'failed' }])
  expect(replayBodies({ state: ['cancelled', 'running', 'completed'] })).toEqual([
    { state: 'completed' },
    { state: 'cancelled' },
  ])
  expect(replayBodies({ waitingKind: 'time' })).toEqual([])
})

test('a bulk action continues after the last page that the gateway has answered', async () => {
  const answers: (BulkPage | Error)[] = [
    { matched: 2, done: 2, problems: [], nextCursor: 'c' },
    new Error('no answer'),
    { matched: 2, done: 1, problems: ['ended'] },
    { matched: 1, done: 1, problems: [] },
  ]
  const sent: string[] = []
  const send = async ({ part }: BulkPart, cursor: string | undefined) => {
    sent.push(`${String(part)} ${cursor}`)
    const answer = answers.shift()!
    if (answer instanceof Error) throw answer
    return answer
  }
  const parts = [{ part: 'one' }, { part: 'two' }]
  let last = NOTHING_DONE
  await expect(runPages(parts, last, send, (next) => (last = next))).rejects.toThrow('no answer')
  const end = await runPages(parts, last, send, (next) => (last = next))
  expect(sent).toEqual(['one undefined', 'one c', 'one c', 'two undefined'])
  expect(end).toMatchObject({ matched: 5, done: 4, finished: true })
  expect(end.problems).toEqual(new Map([['ended', 1]]))
  expect(last).toBe(end)
})

test('the page sends an action on many selected tasks in several requests', () => {
  const ids = Array.from({ length: 450 }, (_, index) => String(index))
  const sizes = partsOfIds(ids).map(({ taskIds }) => (taskIds as string[]).length)
  expect(sizes).toEqual([200, 200, 50])
})

test('the list counts a new task without moving any row, and updates the row of a changed task at its position', () => {
  const list = withNext(listOf(page([9, 8, 7], 'c1')), page([7, 6, 5]))
  expect(idsOf(list)).toEqual([9, 8, 7, 6, 5])
  expect(list.nextCursor).toBeUndefined()
  const again = withAgain(list, 0, {
    ...page([11, 10, 9]),
    tasks: [task(11), task(10), task(9, 'running')],
  })
  expect(idsOf(again)).toEqual([9, 8, 7, 6, 5])
  expect(rowsOf(again)[0]?.state).toBe('running')
  expect(again.unseen).toBe(2)
  expect(again.gone.size).toBe(0)
})

test('the sum of the list says whether it covers every task that matches or only the loaded rows', () => {
  const some = listOf(page([9, 8], 'c1'))
  expect(usedWords(some)).toBe('Only the 2 tasks loaded so far: 0 tokens, $0. More tasks match.')
  expect(usedWords(withNext(some, page([7])))).toBe('3 tasks in this list: 0 tokens, $0.')
})

test('the row of a task that no longer matches the filter stays in its place and says that it no longer matches', () => {
  const list = listOf(page([9, 8, 7]))
  const without = withAgain(list, 0, page([9, 7]))
  expect([idsOf(without), [...without.gone]]).toEqual([[9, 8, 7], ['8']])
  expect([...withAgain(without, 0, page([9, 8, 7])).gone]).toEqual([])
  expect([...withAgain(list, 0, page([])).gone]).toEqual(['9', '8', '7'])
})

test('the list finds out to which loaded page a row belongs by comparing it with the first rows of the pages', () => {
  const list = withNext(listOf(page([9, 8], 'c1')), page([7, 6]))
  expect([0, 1, 2, 3].map((row) => pageAt(list, row))).toEqual([0, 0, 1, 1])
  expect(list.pages[1]).toMatchObject({ from: 2, cursor: 'c1' })
  expect(rowsBetween(list, 1, 3).map(({ id }) => id)).toEqual(['8', '7'])
  expect(rowsWith(list, new Set(['6', '9', '1'])).map(({ id }) => id)).toEqual(['9', '6'])
})

test('the list draws only the visible rows and a few rows around them', () => {
  expect(rangeOf(0, 20 * ROW_PX, 100_000)).toEqual({ from: 0, to: 28 })
  expect(rangeOf(50_000 * ROW_PX, 20 * ROW_PX, 100_000)).toEqual({ from: 49_992, to: 50_028 })
  expect(rangeOf(100_000 * ROW_PX, 20 * ROW_PX, 100)).toEqual({ from: 72, to: 100 })
  expect(rangeOf(0, 0, 0)).toEqual({ from: 0, to: 0 })
})

test('the rows of a narrow list are cards of one height, and the list then draws fewer rows', () => {
  const columns = [{}, {}, { kind: 'wide' }, ...Array.from({ length: 5 }, () => ({}))]
  expect(shapeOf(columns, 0)).toEqual({ rowPx: ROW_PX, across: undefined })
  expect(shapeOf(columns, 1_000)).toEqual({ rowPx: ROW_PX, across: undefined })
  expect(shapeOf(columns, 880, true).across).toBe(3)
  expect(shapeOf([{ width: 300 }, {}], 410).across).toBe(undefined)
  expect(shapeOf(columns, 600)).toEqual({ rowPx: 5 * 22 + 13, across: 2 })
  expect(shapeOf(columns, 300)).toEqual({ rowPx: 8 * 22 + 13, across: 1 })
  expect(rangeOf(1_000 * 200, 600, 100_000, 200)).toEqual({ from: 998, to: 1_005 })
})

test('the periods of the list are whole days in the zone that the reader chose, and yesterday ends where today begins', () => {
  const nowMs = Date.UTC(2026, 0, 31, 12, 30)
  const [hour, today, yesterday, week] = periodsOf(nowMs, true)
  expect(hour?.createdAfter).toBe('2026-01-31T11:30:00.000Z')
  expect(today?.createdAfter).toBe('2026-01-31T00:00:00.000Z')
  expect(yesterday).toEqual({
    words: 'yesterday',
    createdAfter: '2026-01-30T00:00:00.000Z',
    createdBefore: '2026-01-31T00:00:00.000Z',
  })
  expect(week?.createdAfter).toBe('2026-01-25T00:00:00.000Z')
  const local = new Date(periodsOf(nowMs, false)[1]!.createdAfter)
  expect([local.getHours(), local.getDate()]).toEqual([0, new Date(nowMs).getDate()])
})

test('the page names the filters of times as the reader chose them, not as the address writes them', () => {
  const filters = filtersOf({ agent: 'a', createdAfter: '2026-01-30T00:00:00.000Z' })
  expect(filterWords(filters, 'UTC')).toBe('agent a, submitted from 30 Jan 2026, 00:00:00 UTC')
})

test('the list of tasks has a column of errors as soon as a row has an error, and keeps it until the list is loaded again from its top', () => {
  const failed = (id: number) => ({
    ...task(id, 'failed'),
    error: { code: 'timeout', message: '' },
  })
  const healthy = listOf(page([9, 8], 'c1'))
  const later = withNext(healthy, { tasks: [failed(7)], scanned: 1 } as never)
  const again = withAgain(healthy, 0, { tasks: [failed(9), task(8)], scanned: 2 } as never)
  const repaired = withAgain(again, 0, page([9, 8], 'c1'))
  expect([healthy, later, again, repaired].map(({ hasErrors }) => hasErrors)).toEqual([
    false,
    true,
    true,
    true,
  ])
})
