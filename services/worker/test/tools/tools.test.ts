import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { calculate } from '../../src/tools/arithmetic.ts'
import { builtInTools } from '../../src/tools/built-in.ts'
import { runTool, type ToolCallOptions } from '../../src/tools/run-tool.ts'
import { chooseTools, offerOf, type Tool } from '../../src/tools/tool.ts'
import { toolFailure, type ToolContext } from '@agentfleet/toolkit'

describe('the tool calculate', () => {
  test.each([
    ['1+2*3', 7],
    [' ( 1 + 2 ) * 3 ', 9],
    ['2^3^2', 512],
    ['-2^2', -4],
    ['2^-1', 0.5],
    ['10-4-3', 3],
    ['7%4/3', 1],
    ['--5', 5],
    ['.5e1+1.5', 6.5],
  ])('%s is %d', (expression, value) => {
    expect(calculate(expression)).toEqual({ kind: 'value', value })
  })

  test.each(['', '1+', '(1', '1)', '1 2', 'a', 'process.exit()', '1/0', '0/0', '9^9^9^9', '()'])(
    '"%s" has no value',
    (expression) => {
      expect(calculate(expression).kind).toBe('wrong')
    },
  )

  test('refuses an expression that is too long or nested too deeply', () => {
    expect(calculate('1'.repeat(1_001)).kind).toBe('wrong')
    expect(calculate('('.repeat(200) + '1' + ')'.repeat(200)).kind).toBe('wrong')
    expect(calculate('('.repeat(90) + '1' + ')'.repeat(90))).toEqual({ kind: 'value', value: 1 })
  })

  test('never throws, and never answers with an infinite value', () => {
    const text = fc.stringMatching(/^[-+*/%^().0-9e ]{0,40}$/)
    fc.assert(
      fc.property(text, (expression) => {
        const result = calculate(expression)
        return result.kind === 'wrong' || Number.isFinite(result.value)
      }),
    )
  })

  test('gives the same sums as JavaScript', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 20 }), (numbers) => {
        const value = numbers.reduce((sum, number) => sum + number, 0)
        expect(calculate(numbers.map((number) => `(${number})`).join('+'))).toEqual({
          kind: 'value',
          value,
        })
      }),
    )
  })
})

const SILENT = { info() {}, warn() {}, error() {} }

function options(changes: Partial<ToolCallOptions> = {}): ToolCallOptions {
  return {
    taskId: 'task-1',
    tenant: 'acme',
    step: 3,
    deadlineAtMs: Date.now() + 60_000,
    charactersMax: 1_000,
    nowMs: Date.now,
    random: () => 0,
    log: SILENT,
    onStart: () => undefined,
    ...changes,
  }
}

/** Calls a tool with this function and records the contexts of its calls. */
function setup(
  run: (context: ToolContext, begins: () => void) => Promise<string>,
  changes: Partial<Tool> = {},
) {
  const contexts: ToolContext[] = []
  const tool: Tool = {
    offer: offerOf('probe', 'does what the test says', { type: 'object' }),
    source: 'module',
    timeoutMs: 5_000,
    approval: false,
    idempotent: false,
    async run(_args, context, begins) {
      contexts.push(context)
      return { text: await run(context, begins), error: false }
    },
    ...changes,
  }
  const call = (changed?: Partial<ToolCallOptions>) =>
    runTool(
      new Map([['probe', tool]]),
      { id: 'a', name: 'probe', arguments: '{}' },
      options(changed),
    )
  return { call, contexts }
}

const forever = (): Promise<string> => new Promise(() => undefined)

describe('running a tool', () => {
  const run = async (name: string, text: string) =>
    runTool(builtInTools(), { id: 'a', name, arguments: text }, options())

  test('gives the output of the tool to the model', async () => {
    expect(await run('calculate', '{"expression":"6*7"}')).toEqual({
      kind: 'answered',
      output: { text: '42', error: false },
    })
  })

  test.each([
    ['nothing', '{}'],
    ['calculate', '{'],
    ['calculate', ''],
    ['calculate', '{"expression":1}'],
    ['calculate', '{"expression":"1/0"}'],
  ])('answers a wrong use of %s with %s', async (name, text) => {
    const output = { text: expect.stringMatching(/^error: /), error: true }
    expect(await run(name, text)).toEqual({ kind: 'answered', output })
  })

  test('gives a tool the same idempotency key for the same step of the same task', async () => {
    const { call, contexts } = setup(async () => 'done')
    await call()
    await call()
    await call({ step: 4 })
    expect(contexts[0]).toMatchObject({ taskId: 'task-1', tenant: 'acme' })
    expect(contexts.map(({ idempotencyKey }) => idempotencyKey)).toEqual([
      'task-1.3',
      'task-1.3',
      'task-1.4',
    ])
  })

  test('cuts an answer above the limit, and says so', async () => {
    const { call } = setup(async () => 'x'.repeat(5_000))
    const outcome = await call()
    expect(outcome).toMatchObject({ kind: 'answered' })
    const text = outcome.kind === 'answered' ? outcome.output.text : ''
    expect(text).toBe(`${'x'.repeat(1_000)}\n[4000 more characters were cut]`)
  })

  test('ends a tool that ignores its signal at its time limit, and reports it to the model', async () => {
    const { call, contexts } = setup(forever, { timeoutMs: 50 })
    expect(await call()).toEqual({
      kind: 'answered',
      output: {
        text: 'error: the tool took longer than 50 ms, but the call may still have taken effect',
        error: true,
      },
    })
    expect(contexts[0]?.signal.aborted).toBe(true)
  })

  test('does not count a start toward the time limit of the tool', async () => {
    const { call } = setup(
      async (_context, begins) => {
        await delay(100)
        begins()
        return 'done'
      },
      { timeoutMs: 50, startMs: 60_000 },
    )
    expect(await call()).toMatchObject({ output: { text: 'done' } })
  })

  test('ends a tool that does not start in time, and one that is too slow after its start', async () => {
    const slow = setup(forever, { timeoutMs: 60_000, startMs: 50 })
    expect(await slow.call()).toMatchObject({
      output: { text: 'error: the tool did not start within 50 ms; call it again later' },
    })
    const { call } = setup(
      (_context, begins) => {
        begins()
        return forever()
      },
      { timeoutMs: 50, startMs: 60_000 },
    )
    expect(await call()).toMatchObject({
      output: { text: expect.stringContaining('longer than 50 ms') },
    })
  })

  test('fails at the deadline of the task', async () => {
    const { call } = setup(forever)
    expect(await call({ deadlineAtMs: Date.now() + 50 })).toMatchObject({
      kind: 'failed',
      failure: { kind: 'deadline' },
    })
  })

  test('ends at once when the run is cancelled, and aborts the signal', async () => {
    const { call, contexts } = setup(forever)
    const outcome = await call({ onStart: (cancel) => setImmediate(cancel) })
    expect(outcome).toEqual({ kind: 'cancelled' })
    expect(contexts[0]?.signal.aborted).toBe(true)
  })

  test('reports the message of an ordinary error to the model', async () => {
    const { call, contexts } = setup(() => Promise.reject(new Error('no such order')))
    expect(await call()).toEqual({
      kind: 'answered',
      output: { text: 'error: no such order', error: true },
    })
    expect(contexts).toHaveLength(1)
  })

  test('repeats an idempotent tool under the same idempotency key before it reports an error to the model', async () => {
    let tries = 0
    const flaky = async () => {
      tries += 1
      if (tries < 3) throw new Error('not now')
      return 'there'
    }
    const { call, contexts } = setup(flaky, { idempotent: true })
    expect(await call()).toEqual({ kind: 'answered', output: { text: 'there', error: false } })
    expect(new Set(contexts.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    expect(contexts).toHaveLength(3)
  })

  test('fails the attempt with a later retry when the tool asks for a retry', async () => {
    const { call } = setup(() => Promise.reject(toolFailure('retry', 'the warehouse is closed')))
    expect(await call()).toEqual({
      kind: 'failed',
      failure: { kind: 'tool-failed', message: 'probe: the warehouse is closed', retryable: true },
    })
  })

  test('reports an error to the model at once when an idempotent tool says so', async () => {
    const failure = toolFailure('tell-model', 'no')
    const { call, contexts } = setup(() => Promise.reject(failure), { idempotent: true })
    expect(await call()).toMatchObject({ kind: 'answered', output: { text: 'error: no' } })
    expect(contexts).toHaveLength(1)
  })
})

describe('choosing the tools of an agent', () => {
  const tool = (name: string, source: Tool['source']): [string, Tool] => [
    name,
    { ...builtInTools().get('calculate')!, offer: offerOf(name, '', {}), source },
  ]
  const all = new Map([tool('calculate', 'built-in'), tool('order', 'module'), tool('x__a', 'mcp')])
  const names = (wanted?: string[]) => [...chooseTools(all, wanted).tools.keys()]

  test('offers the built-in tools to an agent that lists no tools', () => {
    expect(names()).toEqual(['calculate'])
  })

  test('offers tools by name or by the beginning of their names', () => {
    expect(names([])).toEqual([])
    expect(names(['order'])).toEqual(['order'])
    expect(names(['x__*', 'calculate'])).toEqual(['calculate', 'x__a'])
  })

  test('lists the requested tools that the node does not have', () => {
    expect(chooseTools(all, ['order', 'ghost', 'y__*']).missing).toEqual(['ghost', 'y__*'])
  })
})
