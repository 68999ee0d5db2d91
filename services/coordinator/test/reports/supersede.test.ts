import { CHANNELS } from '@agentfleet/protocol'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSupersede } from '../../src/reports/supersede.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setup() {
  const sent: unknown[] = []
  const send = (channel: { readonly name: string }, body: unknown, where?: object): boolean => {
    sent.push([channel.name, body, ...(where === undefined ? [] : [where])])
    return true
  }
  return { sent, supersede: createSupersede({ send }) }
}

const ALL = CHANNELS.stopAnywhere.name

test('a known node gets the message at once that a newer attempt has begun', () => {
  const { sent, supersede } = setup()
  supersede({ taskId: 'a', nodeId: 'n1', token: 3, seq: 9 })
  const body = { taskIds: ['a'], before: 9 }
  expect(sent).toEqual([[CHANNELS.stop.name, body, { nodeId: 'n1' }]])
})

test('one message tells all nodes of the tasks whose nodes are unknown, and stops no newer attempt (L4)', () => {
  const { sent, supersede } = setup()
  supersede({ taskId: 'a', nodeId: undefined, token: 1, seq: 10 })
  supersede({ taskId: 'b', nodeId: undefined, token: 2, seq: 9 })
  supersede({ taskId: 'c', nodeId: undefined, token: 8, seq: 11 })
  expect(sent).toEqual([])
  vi.runAllTimers()
  expect(sent).toEqual([[ALL, { taskIds: ['a', 'b', 'c'], before: 9 }]])
  // No sequence lies above the token of `d` and not above the start of the newer attempt of `a`.
  supersede({ taskId: 'a', nodeId: undefined, token: 9, seq: 12 })
  supersede({ taskId: 'd', nodeId: undefined, token: 12, seq: 13 })
  vi.runAllTimers()
  expect(sent.slice(1)).toEqual([
    [ALL, { taskIds: ['a'], before: 12 }],
    [ALL, { taskIds: ['d'], before: 13 }],
  ])
})

test('a backlog of thousands of fenced starts takes few messages, each of a bounded size', () => {
  const { sent, supersede } = setup()
  for (let at = 0; at < 2_500; at += 1) {
    supersede({ taskId: `t${at}`, nodeId: undefined, token: at, seq: 10_000 + at })
  }
  vi.runAllTimers()
  const sizes = sent.map(
    (message) => (message as [string, { taskIds: string[] }])[1].taskIds.length,
  )
  expect(sizes).toEqual([1_000, 1_000, 500])
})
