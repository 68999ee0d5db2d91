import { expect, test } from 'vitest'
import { pathOf, placeFor, placeOf } from '../page/shell/routes.ts'

const ID = '019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90'

test('an address of the page contains a view, the id of a record and a query', () => {
  const table = [
    ['/console', '', 'now', undefined, {}],
    ['/console/', '', 'now', undefined, {}],
    ['/console/tasks', '?state=failed', 'tasks', undefined, { state: 'failed' }],
    [`/console/tasks/${ID}`, '?tab=events', 'tasks', ID, { tab: 'events' }],
    ['/console/fleet/a%2Fb', '', 'fleet', 'a/b', {}],
    ['/console/fleet/%', '', 'fleet', '%', {}],
    ['/console/nothing', '', undefined, undefined, {}],
  ] as const
  for (const [pathname, search, view, id, query] of table) {
    expect(placeOf(pathname, search)).toEqual({ view, id, query })
  }
})

test('the page reads back each path that it has written', () => {
  const path = pathOf('agents', 'a b/c?', { tab: 'x&y', none: undefined, empty: '' })
  const [pathname = '', search = ''] = `/console${path}`.split(/(?=\?)/)
  expect(placeOf(pathname, search)).toEqual({ view: 'agents', id: 'a b/c?', query: { tab: 'x&y' } })
})

test('the address of the page has one query parameter for each value of a list, and the page reads the list back', () => {
  const path = pathOf('tasks', undefined, { state: 'failed\nqueued' })
  expect(path).toBe('/tasks?state=failed&state=queued')
  expect(placeOf('/console/tasks', '?state=failed&state=queued').query).toEqual({
    state: 'failed\nqueued',
  })
})

test('the search box opens a task by its id, a node by its name, and tasks by words', () => {
  expect(placeFor('support tickets')).toBe('/tasks?q=support+tickets')
  expect(placeFor('019a3c2f-5f1e')).toBe('/tasks?q=019a3c2f-5f1e')
  expect(placeFor(` ${ID.toUpperCase()} `)).toBe(`/tasks/${ID}`)
  expect(placeFor('worker-1')).toBe('/fleet/worker-1')
  expect(placeFor(' ')).toBeUndefined()
})
