import type { TaskCall, TaskView } from '@agentfleet/protocol'
import { describe, expect, test } from 'vitest'
import { count, duration, usd } from '@agentfleet/domain'
import { callDetails } from '../../src/render/call-view.ts'
import { ansi, uncoloured } from '../../src/render/paint.ts'
import { progressBar } from '../../src/render/progress.ts'
import { fields, table } from '../../src/render/table.ts'
import { eventTable, taskDetails, taskTable } from '../../src/render/task-views.ts'
import { cut, jsonLine, oneLine, safe, widthOf } from '../../src/render/text.ts'
import { tickTable } from '../../src/render/work-views.ts'
import { EVENTS, LLM_CALL, NOW_MS, SUMMARIES, TASK } from './tasks.ts'

const LOOK = { paint: uncoloured, columns: undefined }

describe('the formats of the command line', () => {
  test('write durations with two units at most', () => {
    const texts = [840, 12_400, 185_000, 7_800_000, 180_000_000].map(duration)
    expect(texts).toEqual(['840 ms', '12.4 s', '3 m 05 s', '2 h 10 m', '2 d 2 h'])
    expect(duration(undefined)).toBe('—')
  })

  test('write amounts in short form, and do not write an unknown price as zero', () => {
    expect([0, 12_345, 1_240_000, 0.5].map(count)).toEqual(['0', '12,345', '1.24 M', '0.5'])
    expect([0, 0.00018, 1.5].map(usd)).toEqual(['$0', '$0.0002', '$1.50'])
    expect(usd(undefined)).toBe('unpriced')
  })

  test('write a bar with the used share of a budget and the time that is left', () => {
    const bar = progressBar('ended', { done: 250, total: 1_000, elapsedMs: 5_000 })
    expect(bar).toBe('ended ██████░░░░░░░░░░░░░░░░░░ 250 of 1,000, 15.0 s left')
  })
})

describe('texts of tasks and models on the terminal', () => {
  test('control characters and marks of text direction are removed before they reach the terminal', () => {
    expect(safe('a\u001b[2Jb\u0007\u202ec\r')).toBe('a·[2Jb··c·')
    expect(oneLine(' a\n\tb  c ')).toBe('a b c')
  })

  test('JSON for a terminal has no character that controls the terminal, and keeps its value', () => {
    const value = { text: 'a\u001b[2J\u009b2J\u202e\u{e0041}\u2028\u007f👩\u200d🚀' }
    const line = jsonLine(value)
    expect(line).toBe(String.raw`{"text":"a\u001b[2J\u009b2J\u202e\udb40\udc41\u2028\u007f👩‍🚀"}`)
    expect(JSON.parse(line)).toEqual(value)
  })

  test.for([
    ['日本', 4],
    ['\u{20bb7}', 2],
    ['Ａ', 2],
    ['ｱ', 1],
    ['e\u0301', 1],
    ['\u1112\u1161\u11ab', 2],
    ['👍', 2],
    ['\u05e9\u05dc\u05d5\u05dd', 4],
  ] as const)(
    'such as "%s" take as many columns as a terminal gives them: %i',
    ([text, columns]) => {
      expect(widthOf(text)).toBe(columns)
    },
  )

  test('have at most eight marks on one character, because many marks cover the lines above and below', () => {
    expect(oneLine(`a${'\u0301'.repeat(500)}b`)).toBe(`a${'\u0301'.repeat(8)}b`)
  })

  test('are cut to the width of their column, and a wide character counts as two columns', () => {
    expect(widthOf('日本 ab')).toBe(7)
    expect(cut('日本語の文', 6)).toBe('日本…')
    expect(widthOf(cut('日本語の文', 6))).toBeLessThanOrEqual(6)
  })
})

describe('the view of one call', () => {
  test('shows the figures of the call, its messages, and the tool calls that the model requested', () => {
    expect(`\n${callDetails(LLM_CALL, LOOK)}\n`).toMatchInlineSnapshot(`
      "
      task               019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90
      step               2
      model              sim
      provider           simulator, sim
      attempt            1
      node               worker-1
      started            2026-01-31 12:00:01 UTC
      took               1.0 s
      first token after  400 ms
      tokens             812 of input, 96 of output
      cost               $0.0002

      message: system
      You are the agent "developer".

      message: user
      Write a haiku
      about queues

      message: assistant, step 0
      step 1: count {"of":"syllables"}

      message: tool, step 1
      17

      message: user, step 1
      (The log does not store this text.)

      answer
      One waits, one is served
      "
    `)
  })

  test('says which text is only a beginning, and that an answer is an error', () => {
    const call: TaskCall = {
      taskId: 't',
      step: 1,
      kind: 'tool',
      name: 'fetch',
      usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
      askedBy: 0,
      arguments: { text: '{}', bytes: 2 },
      output: { text: 'a\u001b[2J', bytes: 5_000, cut: true },
      error: true,
    }
    const text = callDetails(call, LOOK)
    expect(text).toContain('asked by  the model in step 0')
    expect(text).toContain('answer (an error)\na·[2J… (the beginning of 5,000 bytes)')
  })
})

describe('tables of the command line', () => {
  const columns = [{ name: 'NAME' }, { name: 'N', align: 'right' as const }, { name: 'TEXT' }]
  const rows = [
    ['a', '1', 'a long text that does not fit'],
    ['longer', '20', { text: 'bad', tone: 'bad' as const }],
  ]

  test('have columns as wide as their content, and a last column as wide as the terminal allows', () => {
    expect(table(columns, rows, { paint: uncoloured, columns: 30 })).toBe(
      ['NAME     N  TEXT', 'a        1  a long text that …', 'longer  20  bad'].join('\n'),
    )
  })

  test('have columns of the same widths with and without colours', () => {
    const coloured = table(columns, rows, { paint: ansi, columns: 30 })
    const plain = coloured.replaceAll(/\p{Cc}\[\d+m/gu, '')
    expect(plain).toBe(table(columns, rows, { paint: uncoloured, columns: 30 }))
    expect(coloured).toContain('\u001b[31mbad\u001b[39m')
  })

  test('lose their least important columns in a narrow terminal, and in a very narrow one each row becomes a list of its fields', () => {
    const shrinking = [
      { name: 'NAME' },
      { name: 'N', align: 'right' as const, leaves: 1 },
      { name: 'TEXT' },
    ]
    expect(table(shrinking, rows, { paint: uncoloured, columns: 20 })).toBe(
      ['NAME    TEXT', 'a       a long text…', 'longer  bad'].join('\n'),
    )
    expect(table(columns, rows, { paint: uncoloured, columns: 14 })).toBe(
      ['NAME  a', 'N     1', 'TEXT  a long …', '', 'NAME  longer', 'N     20', 'TEXT  bad'].join(
        '\n',
      ),
    )
    const lines = taskTable(SUMMARIES, { paint: uncoloured, columns: 40 }, NOW_MS).split('\n')
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(45)
    const wide = taskTable(SUMMARIES, { paint: uncoloured, columns: 80 }, NOW_MS).split('\n')
    expect(wide[0]).toMatch(/^ID +STATE +AGE +AGENT +TASK$/)
    expect(Math.max(...wide.map(widthOf))).toBeLessThanOrEqual(80)
  })

  test('lose their middle columns, the last of them first, if no column has a rank', () => {
    const names = ['FIRST', 'SECOND', 'THIRD', 'LAST'].map((name) => ({ name }))
    const look = { paint: uncoloured, columns: 30 }
    expect(table(names, [['a', 'b', 'c', 'a last text']], look)).toBe(
      ['FIRST  SECOND  LAST', 'a      b       a last text'].join('\n'),
    )
  })

  test('have no line for a field without a value', () => {
    const rows = [['a', 'one'] as const, ['other', undefined] as const]
    expect(fields(rows, LOOK)).toBe('a  one')
  })

  test('the printed tables of tasks, of the history of a task and of its details match the snapshots in this test', () => {
    expect(`\n${taskTable(SUMMARIES, LOOK, NOW_MS)}\n`).toMatchInlineSnapshot(`
      "
      ID                                    STATE      AGE  AGENT      MODEL  NODE      ATTEMPT  TASK
      019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90  completed  5 s  developer  sim    worker-1        1  Write a haiku about queues
      019a3c2f-6a00-7b6a-9c3d-000000000001  failed     5 s  tester     sim    —               1  provider-refused: status 401 (Write a haiku about queues)
      "
    `)
    expect(`\n${taskDetails(TASK, LOOK, NOW_MS)}\n`).toMatchInlineSnapshot(`
      "
      id         019a3c2f-5f1e-7b6a-9c3d-2e8f4a1b7d90
      state      completed
      agent      developer (built-in definition)
      model      sim
      priority   high
      submitted  2026-01-31 12:00:00 UTC (5 s ago)
      took       4.2 s
      attempt    1, after 0 failures
      node       worker-1
      placed     on worker-1: least loaded of 2
      LLM calls  1
      tokens     812 of input, 96 of output
      cost       $0.0002
      metadata   team=support

      task
      Write a haiku
      about queues

      result
      One waits, one is served
      "
    `)
    expect(`\n${eventTable(EVENTS, LOOK)}\n`).toMatchInlineSnapshot(`
      "
       AFTER  EVENT            ATTEMPT  DETAIL
        0 ms  submitted
      840 ms  attempt-failed         1  on worker-2, node-lost: worker-2 was declared dead
      905 ms  attempt-started        2  on worker-1
       2.0 s  call-finished          2  step 0, llm sim, 908 tokens, $0.0002: {"content":"One waits"}
       2.0 s  completed              2  on worker-1, 1 LLM call, $0.0002, One waits
      "
    `)
  })

  test('say where to look if a task waits for a node, and why a schedule has no ticks', () => {
    const waits = (task: Partial<TaskView>) =>
      /^waits for +(.*)$/m.exec(taskDetails({ ...TASK, ...task }, LOOK, NOW_MS))?.[1]
    expect(waits({ state: 'queued' })).toBe(
      'a node that takes it; the commands fleet, queues and limits show what it waits behind',
    )
    expect(waits({ state: 'running' })).toBeUndefined()
    const none = { next: [], last: [], manual: [] }
    expect(tickTable(none, LOOK)).toMatch(/no tick is planned: it is paused, or/)
  })

  test('name the person who decided about a call, next to the key that several persons may use', () => {
    const byKey = { step: 1, approved: true, by: 'af_1', atMs: NOW_MS }
    const byPerson = { ...byKey, step: 2, approved: false, person: 'Ada', note: 'too much' }
    expect(taskDetails({ ...TASK, approvals: [byKey, byPerson] }, LOOK, NOW_MS)).toContain(
      'step 1 approved by af_1; step 2 refused by Ada, with the key af_1 ("too much")\n',
    )
  })
})
