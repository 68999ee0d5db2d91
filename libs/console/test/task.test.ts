import { expect, test } from 'vitest'
import type { DeltaFrame, TaskView } from '@agentfleet/protocol'
import { quoted, snippetsOf } from '../page/task/code.ts'
import { withDelta, withWritten, type LiveText } from '../page/task/live-text.ts'
import { savedWords, taskWords } from '../page/task/words.ts'

const T0 = Date.UTC(2026, 0, 31, 12)
const iso = (ms: number) => new Date(T0 + ms).toISOString()
const task: TaskView = {
  id: '019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90',
  state: 'completed',
  agent: 'developer',
  model: 'sim',
  priority: 'medium',
  cpu: 'low',
  memory: 'low',
  task: "It's done",
  createdAt: iso(0),
  updatedAt: iso(12_400),
  deadlineAt: iso(600_000),
  seq: 9,
  attempt: 2,
  failures: 1,
  usage: { inputTokens: 1, outputTokens: 2, llmCalls: 1 },
}

test('the page says in one sentence what a task does or how it ended', () => {
  const table: readonly (readonly [Partial<TaskView>, string])[] = [
    [{}, 'Completed after 12.4 s, attempt 2.'],
    [
      { state: 'queued' },
      'Waits for a node that takes it; the view Now says whether tasks wait for a limit.',
    ],
    [{ state: 'running', node: 'n1', attempt: 0 }, 'Runs on n1, attempt 1.'],
    [
      { state: 'retrying', retryAt: iso(15_000) },
      'Attempt 2 did not succeed; the next one starts in 5 s.',
    ],
    [{ state: 'failed', error: { code: 'x', message: 'No key.' } }, 'Failed after 12.4 s: No key.'],
    [
      { state: 'failed', error: { code: 'x', message: 'no '.repeat(20_000) } },
      `Failed after 12.4 s: ${'no '.repeat(200)}…`,
    ],
    [{ state: 'cancelled' }, 'Cancelled after 12.4 s.'],
    [
      { state: 'waiting', waitingFor: { kind: 'approval', step: 1, tool: 'pay' } },
      'Waits for a person to approve the tool pay.',
    ],
    [
      { state: 'waiting', waitingFor: { kind: 'dependencies', taskIds: ['a', 'b'] } },
      'Waits for 2 tasks to end.',
    ],
    [
      { state: 'waiting', waitingFor: { kind: 'time', until: iso(70_000) } },
      'Waits for its time, in 1 m.',
    ],
  ]
  for (const [change, words] of table)
    expect(taskWords({ ...task, ...change }, T0 + 10_000)).toBe(words)
})

test('a replay from the journal says how many LLM calls it does not pay again, and apart from them how many tool calls it does not repeat', () => {
  const call = (kind: 'llm' | 'tool') => ({
    call: { kind, step: 0, name: 'x', output: '', usage: task.usage },
  })
  const [llm, tool, submitted] = [call('llm'), call('tool'), {}]
  expect(savedWords([submitted, llm, tool, llm])).toBe(
    'without paying 2 LLM calls again and without repeating 1 tool call',
  )
  expect(savedWords([llm])).toBe('without paying 1 LLM call again')
  expect(savedWords([tool, tool])).toBe('without repeating 2 tool calls')
  expect(savedWords([submitted])).toBeUndefined()
})

const delta = (offset: number, text: string, change: Partial<DeltaFrame> = {}): DeltaFrame => ({
  type: 'delta',
  taskId: task.id,
  attempt: 1,
  node: 'n1',
  seq: 5,
  offset,
  kind: 'text',
  text,
  ...change,
})
const all = (frames: readonly DeltaFrame[]) =>
  frames.reduce<LiveText | undefined>((text, frame) => withDelta(text, frame), undefined)

test('the page joins the parts of live text, uses a repeated part once and says when a part is missing', () => {
  expect(all([delta(0, 'ab'), delta(2, 'cd')])?.text).toBe('abcd')
  expect(all([delta(0, 'ab'), delta(0, 'ab'), delta(1, 'bc')])?.text).toBe('abc')
  expect(all([delta(0, 'ab'), delta(2, 'cd')])?.incomplete).toBe(false)
  expect(all([delta(0, 'ab'), delta(9, 'cd')])?.incomplete).toBe(true)
  expect(all([delta(7, 'ab')])?.incomplete).toBe(true)
})

test('the text of a newer run replaces the text of an older run, and late parts of the older run are dropped', () => {
  const frames = [delta(0, 'old'), delta(0, 'new', { attempt: 2, seq: 8 }), delta(3, 'late')]
  expect(all(frames)).toMatchObject({ text: 'new', attempt: 2 })
})

test('the page shows text from before it followed the task first, and shows no part of this text twice', () => {
  const written = { attempt: 1, node: 'n1', seq: 5, offset: 0, text: 'abcd' }
  const before = (frames: readonly DeltaFrame[]) => withWritten(all(frames), written)
  expect(before([])).toMatchObject({ text: 'abcd', end: 4, incomplete: false })
  expect(before([delta(2, 'cd')])).toMatchObject({ text: 'abcd', end: 4, incomplete: false })
  expect(before([delta(2, 'cdef')])).toMatchObject({ text: 'abcdef', end: 6, incomplete: false })
  expect(withDelta(before([delta(4, 'ef')]), delta(6, 'g'))).toMatchObject({ text: 'abcdefg' })
  const newer = delta(0, 'new', { attempt: 2, seq: 8 })
  expect(before([newer])).toMatchObject({ text: 'new', attempt: 2 })
  expect(withWritten(all([delta(0, 'a')]), { offset: 0, text: '' })).toMatchObject({ text: 'a' })
  expect(withWritten(undefined, { ...written, offset: 9 })).toMatchObject({ incomplete: true })
})

test('the code snippet for a task contains the task and no API key', () => {
  const texts = snippetsOf(task, 'http://127.0.0.1:8080').map(({ text }) => text)
  expect(texts).toHaveLength(3)
  expect(texts[0]).toBe(
    `curl http://127.0.0.1:8080/v1/tasks/${task.id} -H "authorization: Bearer $AGENTFLEET_KEY"`,
  )
  expect(texts[1]).toContain(String.raw`It'\''s done`)
  const textOf = (version: number) =>
    snippetsOf({ ...task, definition: { name: 'developer', version } }, '')[1]?.text
  expect(textOf(3)).toContain('"agentVersion":3')
  // The API refuses the version 0, which stands for a built-in agent.
  expect(textOf(0)).not.toContain('agentVersion')
  expect(quoted("a'b")).toBe(String.raw`'a'\''b'`)
})
