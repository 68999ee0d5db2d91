import type { TaskSpec } from '../../src/task/spec.ts'
import { expect, test } from 'vitest'
import { inheritedSpec, mayApprove, submittedSpec } from '../../src/principal/approvers.ts'

const SPEC: TaskSpec = {
  task: 'x',
  agent: 'assistant',
  model: 'm',
  cpu: 'low',
  memory: 'low',
  priority: 'low',
  timeoutMs: 1,
  maxAttempts: 1,
}

test('any key may approve a task that asks for no other key', () => {
  expect(mayApprove({}, 'a')).toBe(true)
  expect(mayApprove({ submittedBy: 'a' }, 'a')).toBe(true)
})

test('if a task asks for another key, every key may approve it except the key that submitted the task', () => {
  const spec = { approvers: 'other-keys', submittedBy: 'a' } as const
  expect(mayApprove(spec, 'a')).toBe(false)
  expect(mayApprove(spec, 'b')).toBe(true)
})

test('no key may approve a task that asks for another key if the submitter of the task is unknown', () => {
  expect(mayApprove({ approvers: 'other-keys' }, 'open')).toBe(false)
})

test('if the text of another key is submitted again, neither the key that asks for it nor the key that chose the text may approve, however often it happens', () => {
  const first = submittedSpec({ ...SPEC, approvers: 'other-keys' }, 'a')
  expect(first).toEqual({ ...SPEC, approvers: 'other-keys', submittedBy: 'a' })
  const second = submittedSpec(first, 'b')
  const third = submittedSpec(second, 'c')
  const may = (spec: TaskSpec) => ['a', 'b', 'c', 'd'].filter((key) => mayApprove(spec, key))
  expect([first, second, third].map(may)).toEqual([
    ['b', 'c', 'd'],
    ['c', 'd'],
    ['b', 'd'],
  ])
  expect(may(submittedSpec(third, 'a'))).toEqual(['b', 'c', 'd'])
})

test('a child task gets the keys and the approvers of its parent, and no other rights of the parent', () => {
  const kept = { approvers: 'other-keys', submittedBy: 'b', writtenBy: 'a' } as const
  expect(inheritedSpec({ ...SPEC, ...kept })).toEqual(kept)
  expect(inheritedSpec({})).toEqual({})
})
