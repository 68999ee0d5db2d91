import { expect, test } from 'vitest'
import { inheritedSpec, mayApprove } from '../../src/principal/approvers.ts'

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

test('a child task gets the submitter and the approvers of its parent, and no other rights of the parent', () => {
  const spec = { approvers: 'other-keys', submittedBy: 'a', task: 'x' } as const
  expect(inheritedSpec(spec)).toEqual({ approvers: 'other-keys', submittedBy: 'a' })
  expect(inheritedSpec({})).toEqual({})
})
