import { expect, test } from 'vitest'
import { closest, correctionOf } from '../../src/naming/closest.ts'

const NAMES = ['task', 'agent', 'systemPrompt', 'dependsOn', 'id']

test.each([
  ['tsk', 'task'],
  ['system_prompt', 'systemPrompt'],
  ['SYSTEMPROMT', 'systemPrompt'],
  ['agnet', 'agent'],
  ['depend', undefined],
  ['x', undefined],
  ['y'.repeat(1_000_000), undefined],
])('for the unknown name %.20s, the name %s is suggested', (word, name) => {
  expect(closest(word, NAMES)).toBe(name)
})

test('for an unknown name without a similar known name, at most 16 of the known names are suggested', () => {
  expect(correctionOf('tsk', NAMES)).toBe('did you mean "task"?')
  expect(correctionOf('colour', NAMES)).toBe(
    'the known names are task, agent, systemPrompt, dependsOn, id',
  )
  const many = Array.from({ length: 20 }, (_, index) => `name-${index}`)
  expect(correctionOf('colour', many)).toMatch(/name-15, …$/)
})
