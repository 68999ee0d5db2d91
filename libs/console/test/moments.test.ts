import { expect, test } from 'vitest'
import type { AuditPage, TaskView } from '@agentfleet/protocol'
import { decidedOf, tasksToRead } from '../page/approvals/decided.ts'
import { placesOf, sinceWords } from '../page/incidents/places.ts'

test('the axis of an incident places stages in proportion to their times and moves close stages apart', () => {
  const table: readonly (readonly [readonly number[], readonly number[]])[] = [
    [[], []],
    [[5], [0]],
    [
      [0, 500, 1_000],
      [0, 50, 100],
    ],
    [
      [0, 1, 1_000],
      [0, 10, 100],
    ],
    [
      [0, 998, 999, 1_000],
      [0, 80, 90, 100],
    ],
    [
      [7, 7, 7],
      [0, 10, 20],
    ],
  ]
  for (const [atMs, places] of table) expect(placesOf(atMs, 100, 10)).toEqual(places)
})

test('each stage of an incident says how long after the stage before it was reached', () => {
  const stage = (name: string, atMs: number) => ({ name, atMs, detail: '' })
  const silent = stage('Last heartbeat', 1_000)
  expect(sinceWords(silent, undefined)).toBe('the first')
  expect(sinceWords(stage('Detected', 1_900), silent)).toBe('900 ms after “Last heartbeat”')
  expect(sinceWords(stage('Detected', 1_000), silent)).toBe('together with “Last heartbeat”')
})

test('the history of approvals joins what the tasks say with what the audit log says, marks a decision whose outcome no task shows, and reads a task again after another decision', () => {
  const event = (seq: number, target: string, at: string) =>
    ({ seq, target, at, keyId: 'k1' }) as AuditPage['events'][number]
  const events = [
    event(3, 'a', '2026-01-31T12:00:03.000Z'),
    event(2, 'gone', '2026-01-31T12:00:02.000Z'),
    { ...event(1, 'a', '2026-01-31T12:00:01.000Z'), kind: 'unknown' },
    { ...event(0, 'lost', '2026-01-31T12:00:00.000Z'), kind: 'unknown' },
  ] satisfies AuditPage['events']
  const approvals: NonNullable<TaskView['approvals']> = [
    {
      step: 1,
      approved: false,
      by: 'k1',
      note: 'Too much.',
      atMs: Date.UTC(2026, 0, 31, 12, 0, 1),
    },
    { step: 3, approved: true, by: 'k2', person: 'Kim', atMs: Date.UTC(2026, 0, 31, 12, 0, 3) },
  ]
  const tasks = new Map([
    ['a', { id: 'a', approvals } as TaskView],
    ['other', { id: 'other', approvals } as TaskView],
  ])
  const shown = decidedOf(events, tasks).map(({ taskId, by, approval, unknown }) => [
    taskId,
    by,
    approval?.approved,
    unknown,
  ])
  expect(shown).toEqual([
    ['a', 'k2', true, false],
    ['gone', 'k1', undefined, false],
    ['a', 'k1', false, false],
    ['lost', 'k1', undefined, true],
  ])
  expect([...tasksToRead(events, 20)]).toEqual([
    ['a', 'a 3'],
    ['gone', 'gone 2'],
    ['lost', 'lost 0'],
  ])
  expect(tasksToRead(events, 1).size).toBe(1)
})
