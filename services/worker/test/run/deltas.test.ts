import type { Bus } from '@agentfleet/adapters'
import { expect, test } from 'vitest'
import { createDeltas } from '../../src/run/deltas.ts'
import type { Run } from '../../src/node/runs.ts'

const BUS = { connected: () => false } as Bus
const runOf = () =>
  ({ taskId: 't', attempt: 1, token: 7, streamed: 0, unsent: '', written: '' }) as Run

test('a node tells the text that a run has written so far, also the part that it has not sent yet', () => {
  const deltas = createDeltas(BUS, 'n1', 4)
  const run = runOf()
  expect(deltas.soFar(run)).toBeUndefined()
  deltas.text(run, 'One ')
  deltas.flush(run)
  deltas.text(run, 'waits')
  const told = { kind: 'text', attempt: 1, node: 'n1', seq: 7, offset: 0, text: 'One waits' }
  expect(deltas.soFar(run)).toEqual(told)
  run.over = 'completed'
  expect(deltas.soFar(run)).toBeUndefined()
  deltas.close()
})

test('a node keeps only the end of a long text, and less of each text the more slots it has (L7)', () => {
  for (const [slots, kept] of [
    [16, 32_000],
    [16_000, 1_000],
  ] as const) {
    const deltas = createDeltas(BUS, 'n1', slots)
    const run = runOf()
    deltas.text(run, 'x'.repeat(50_000))
    deltas.text(run, 'end')
    const { offset, text } = deltas.soFar(run) ?? { offset: 0, text: '' }
    expect([offset, text.length]).toEqual([50_003 - kept, kept])
    expect(text.endsWith('xend')).toBe(true)
    deltas.close()
  }
})
