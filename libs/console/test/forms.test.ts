import { expect, test } from 'vitest'
import { problemsOf } from '../page/parts/forms/problems.ts'

const POINTERS = ['path/name', '/cron', '/task', '/task/task', '/task/budget']

test('a form shows each refused value at its field, and what belongs to no field below the form', () => {
  const wrong = (...pointers: string[]) => ({
    message: 'Correct the request.',
    errors: pointers.map((pointer) => ({ pointer, detail: `detail of ${pointer}` })),
  })
  const table: readonly (readonly [string[], Record<string, string>, string])[] = [
    [['/cron'], { '/cron': 'detail of /cron' }, ''],
    [
      ['path/name', '/cron'],
      { 'path/name': 'detail of path/name', '/cron': 'detail of /cron' },
      '',
    ],
    [['/task/budget/usd'], { '/task/budget': 'detail of /task/budget/usd' }, ''],
    [['/task/tools/0'], { '/task': 'detail of /task/tools/0' }, ''],
    [['/cron', '/zone'], { '/cron': 'detail of /cron' }, 'Correct the request.'],
    [['/cronic'], {}, 'Correct the request.'],
    [['/cron', '/cron/x'], { '/cron': 'detail of /cron; detail of /cron/x' }, ''],
    [[], {}, 'Correct the request.'],
  ]
  for (const [pointers, shown, rest] of table) {
    const problems = problemsOf(wrong(...pointers), POINTERS)
    const found = POINTERS.flatMap((each) => {
      const text = problems.at(each)
      return text === undefined ? [] : [[each, text] as const]
    })
    expect([Object.fromEntries(found), problems.rest]).toEqual([shown, rest])
  }
  expect(problemsOf(undefined, POINTERS).rest).toBe('')
})
