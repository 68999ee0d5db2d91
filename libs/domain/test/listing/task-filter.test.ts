import { expect, test } from 'vitest'
import {
  needsTask,
  statesOf,
  taskMatches,
  type TaskFilter,
  type TaskPreview,
} from '../../src/index.ts'

const task: TaskPreview = {
  taskId: '019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90',
  state: 'failed',
  seq: 9,
  submittedAtMs: 1_000,
  updatedAtMs: 5_000,
  attempt: 2,
  failures: 2,
  spec: {
    task: `Summarize the Tickets of last week. ${'x'.repeat(160)} behind`,
    agent: 'writer',
    model: 'm1',
    priority: 'high',
  },
  kind: 'child',
  usage: { inputTokens: 1, outputTokens: 2, llmCalls: 1 },
  metadata: { team: 'search', env: 'test' },
  parentId: 'p1',
  replayOf: 'r1',
  node: 'n1',
  error: { code: 'timeout', message: 'too late' },
}

test.each<[filter: TaskFilter, matches: boolean]>([
  [{}, true],
  [{ states: ['failed', 'queued'] }, true],
  [{ states: ['queued'] }, false],
  [{ agent: 'writer', model: 'm1', priority: 'high', node: 'n1' }, true],
  [{ agent: 'writer', model: 'm2' }, false],
  [{ errorCode: 'timeout' }, true],
  [{ errorCode: 'other' }, false],
  [{ kind: 'child', parentId: 'p1', replayOf: 'r1' }, true],
  [{ kind: 'goal' }, false],
  [{ waitingKind: 'approval' }, false],
  [{ metadata: { team: 'search' } }, true],
  [{ metadata: { team: 'search', env: 'live' } }, false],
  [{ metadata: { toString: 'x' } }, false],
  [{ text: 'tickets summarize' }, true],
  [{ text: '019a3c2f-5F1E' }, true],
  [{ text: 'behind' }, false],
  [{ createdFromMs: 1_000, createdBeforeMs: 1_001 }, true],
  [{ createdBeforeMs: 1_000 }, false],
  [{ endedFromMs: 5_000, endedBeforeMs: 5_001 }, true],
  [{ endedBeforeMs: 5_000 }, false],
])('the filter %o matches the task: %s', (filter, matches) => {
  expect(taskMatches(task, filter)).toBe(matches)
})

test('a queued task with an in-flight note is filtered as running on the node in the note', () => {
  const queued: TaskPreview = { ...task, state: 'queued', node: 'n0' }
  expect(taskMatches(queued, { states: ['running'], node: 'n2' }, 'n2')).toBe(true)
  expect(taskMatches(queued, { states: ['queued'] }, 'n2')).toBe(false)
  expect(taskMatches(queued, { states: ['queued'] })).toBe(true)
})

test('a filter by the end time matches no unfinished task, and a filter that has only an error code matches failed tasks', () => {
  expect(taskMatches({ ...task, state: 'retrying' }, { endedFromMs: 0 })).toBe(false)
  expect(taskMatches({ ...task, state: 'retrying' }, { errorCode: 'timeout' })).toBe(false)
  expect(statesOf({ errorCode: 'timeout' })).toEqual(['failed'])
})

test('a filter by state or time of submission can be decided without reading the task, and every other filter needs the task', () => {
  expect(needsTask({ states: ['failed'], createdFromMs: 1, createdBeforeMs: 2 })).toBe(false)
  expect(needsTask({ model: 'm1' })).toBe(true)
  expect(needsTask({ endedFromMs: 0 })).toBe(true)
})
