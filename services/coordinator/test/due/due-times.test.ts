import { array, assert as check, constantFrom, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { createDueTimes } from '../../src/due/due-times.ts'

const TENANTS = ['a', 'b', 'c']
const entries = array(
  record({ tenant: constantFrom(...TENANTS), atMs: integer({ min: 0, max: 50 }) }),
)

test('the due tasks of a tenant are returned earliest first, and a task is not returned before its time', () => {
  check(
    property(entries, integer({ min: 0, max: 50 }), (added, nowMs) => {
      const due = createDueTimes({ get: (taskId) => taskId })
      for (const [index, { tenant, atMs }] of added.entries()) due.add(tenant, `${index}`, atMs)
      const taken = due.takeDue(nowMs, Infinity).map((id) => added[Number(id)]!)
      expect(due.size()).toBe(added.length - taken.length)
      const rest = due.takeDue(50, Infinity).map((id) => added[Number(id)]!)
      for (const tenant of TENANTS) {
        const timesOf = (list: typeof added) =>
          list.filter((each) => each.tenant === tenant).map(({ atMs }) => atMs)
        const sorted = timesOf(added).sort((a, b) => a - b)
        expect(timesOf(taken)).toEqual(sorted.filter((atMs) => atMs <= nowMs))
        expect(timesOf(rest)).toEqual(sorted.filter((atMs) => atMs > nowMs))
      }
      expect(due.size()).toBe(0)
    }),
  )
})

test('a due task is taken after at most one task of each other tenant for each earlier task of its tenant, however few are taken at once (L7)', () => {
  check(
    property(entries, integer({ min: 1, max: 4 }), (added, most) => {
      const due = createDueTimes({ get: (taskId) => taskId })
      for (const [index, { tenant, atMs }] of added.entries()) due.add(tenant, `${index}`, atMs)
      const taken: typeof added = []
      for (let more = due.takeDue(50, most); more.length > 0; more = due.takeDue(50, most)) {
        expect(more.length).toBeLessThanOrEqual(most)
        taken.push(...more.map((id) => added[Number(id)]!))
      }
      expect(taken).toHaveLength(added.length)
      for (const [at, { tenant }] of taken.entries()) {
        const earlier = taken.slice(0, at).filter((each) => each.tenant === tenant).length
        expect(at).toBeLessThan(TENANTS.length * (earlier + 1))
      }
    }),
  )
})

test('a task that becomes due while many tasks of another tenant are overdue is taken in the next round (L7)', () => {
  const due = createDueTimes({ get: (taskId) => taskId })
  for (let n = 0; n < 1_000; n += 1) due.add('busy', `busy-${n}`, 0)
  due.add('quiet', 'quiet-task', 10)
  expect(due.takeDue(9, 3)).toEqual(['busy-0', expect.any(String), expect.any(String)])
  expect(due.takeDue(10, 3)).toContain('quiet-task')
  // An entry that comes earlier than those that wait is taken first.
  due.add('quiet', 'late', 90)
  due.add('quiet', 'early', 20)
  expect(due.takeDue(20, 3)).toContain('early')
})

test('tasks that have ended take no place among the tasks that are due, and their entries do not pile up (L7)', () => {
  const open = new Map<string, string>()
  const due = createDueTimes(open)
  for (let n = 0; n < 100_000; n += 1) {
    open.set(`${n}`, `${n}`)
    due.add(n % 2 === 0 ? 'even' : 'odd', `${n}`, n)
    if (n % 1_000 !== 0) open.delete(`${n}`)
  }
  expect(due.size()).toBeLessThan(11_000)
  expect(due.takeDue(5_000, 3)).toEqual(['0', '1000', '2000'])
  open.clear()
  expect(due.takeDue(Infinity, 3)).toEqual([])
  expect(due.size()).toBe(0)
})
