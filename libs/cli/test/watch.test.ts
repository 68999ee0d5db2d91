import type { Client } from '@agentfleet/client'
import type { DeltaFrame } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { followTasks } from '../src/commands/watch.ts'
import { contextWith } from './context.ts'

const DELTA: DeltaFrame = {
  type: 'delta',
  taskId: 't',
  attempt: 1,
  node: 'worker-1',
  seq: 7,
  offset: 0,
  kind: 'text',
  text: '',
}

/** Follows a task that writes these pieces; `written` is what the gateway knows of its text. */
async function watchText(pieces: readonly Partial<DeltaFrame>[], written: Client['text']) {
  let out = ''
  const context = contextWith({
    write: (text) => void (out += text),
    note: (line) => void (out += `<${line}>`),
  })
  context.client.text = written
  context.client.watch = async function* () {
    for (const piece of pieces) yield { ...DELTA, ...piece }
  }
  await followTasks(context, ['t'], { textOnly: true })
  return out
}

test('the text of a task that already runs is printed from its beginning, and each character once', async () => {
  const pieces = [
    { offset: 6, text: 'two ' },
    { offset: 10, text: 'three ' },
    { offset: 12, text: 'ree four' },
  ]
  const known = async () => ({ attempt: 1, offset: 0, text: 'zero, two ' })
  expect(await watchText(pieces, known)).toBe('zero, two three four')
})

test('a person reads that a part of a text is missing if the gateway no longer has it', async () => {
  const lost = async () => ({ attempt: 1, offset: 4, text: 'late ' })
  expect(await watchText([{ offset: 9, text: 'end' }], lost)).toBe(
    '<A part of the text is missing here.>end',
  )
  const failed = async () => Promise.reject(new Error('away'))
  expect(await watchText([{ text: 'ab' }, { offset: 3, text: 'd' }], failed)).toBe(
    'ab<A part of the text is missing here.>d',
  )
})
