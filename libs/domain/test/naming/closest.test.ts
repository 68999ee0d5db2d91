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
])('%.20s most likely means %s', (word, name) => {
  expect(closest(word, NAMES)).toBe(name)
})

test('an unknown name that is near no other is answered with the known names, of which at most 16 are listed', () => {
  expect(correctionOf('tsk', NAMES)).toBe('did you mean "task"?')
  expect(correctionOf('colour', NAMES)).toBe(
    'the known names are task, agent, systemPrompt, dependsOn, id',
  )
  const many = Array.from({ length: 20 }, (_, index) => `name-${index}`)
  expect(correctionOf('colour', many)).toMatch(/name-15, …$/)
})
