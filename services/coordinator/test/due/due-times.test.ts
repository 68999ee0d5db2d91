import { array, assert as check, integer, property } from 'fast-check'
import { expect, test } from 'vitest'
import { createDueTimes } from '../../src/due/due-times.ts'

test('the tasks that are due are returned earliest first, and a task is not returned before its time', () => {
  check(
    property(array(integer({ min: 0, max: 50 })), integer({ min: 0, max: 50 }), (times, nowMs) => {
      const due = createDueTimes({ get: (taskId) => taskId })
      for (const [index, atMs] of times.entries()) due.add(`${index}`, atMs)
      const taken = due.takeDue(nowMs, Infinity).map((id) => times[Number(id)]!)
      expect(taken).toEqual(times.filter((atMs) => atMs <= nowMs).sort((a, b) => a - b))
      expect(due.size()).toBe(times.length - taken.length)
      const rest = due.takeDue(50, Infinity).map((id) => times[Number(id)]!)
      expect(rest).toEqual(times.filter((atMs) => atMs > nowMs).sort((a, b) => a - b))
    }),
  )
})

test('at most the requested number of due tasks is returned at once', () => {
  const due = createDueTimes({ get: (taskId) => taskId })
  for (let n = 0; n < 10; n += 1) due.add(`${n}`, n)
  expect(due.takeDue(100, 3)).toEqual(['0', '1', '2'])
  expect(due.takeDue(100, 100)).toHaveLength(7)
})

test('tasks that have ended take no place among the tasks that are due, and their entries do not pile up (L7)', () => {
  const open = new Map<string, string>()
  const due = createDueTimes(open)
  for (let n = 0; n < 100_000; n += 1) {
    open.set(`${n}`, `${n}`)
    due.add(`${n}`, n)
    if (n % 1_000 !== 0) open.delete(`${n}`)
  }
  expect(due.size()).toBeLessThan(11_000)
  expect(due.takeDue(5_000, 3)).toEqual(['0', '1000', '2000'])
})
