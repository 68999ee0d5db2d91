import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runTool } from '../src/tools/run-tool.ts'
import { loadToolModules } from '../src/tools/tool-modules.ts'
import { createToolThreads } from '../src/tools/tool-threads.ts'

/** Longest wait of this file, milliseconds. */
const SOON_MS = 40_000
/** Tool folders as users have them; threads run the compiled module, as in a worker. */
const FOLDER = fileURLToPath(new URL('tool-folder/', import.meta.url))
const SLOW_FOLDER = fileURLToPath(new URL('slow-tool-folder/', import.meta.url))
const WRONG_FOLDER = fileURLToPath(new URL('wrong-tool-folder/', import.meta.url))
const threads = () =>
  createToolThreads({
    threadsMax: 1,
    threadUrl: new URL('../dist/tools/tool-thread.js', import.meta.url),
    execArgv: [],
  })

async function setup(folder = FOLDER) {
  const lines: string[] = []
  const log = {
    info: (message: string) => void lines.push(message),
    warn: (message: string) => void lines.push(message),
    error: (message: string) => void lines.push(message),
  }
  const { tools, problems } = await loadToolModules(folder, threads())
  const byName = new Map(tools.map((tool) => [tool.offer.function.name, tool]))
  const call = async (
    name: string,
    args: unknown,
    onStart: (cancel: () => void) => void = () => {},
  ) =>
    runTool(
      byName,
      { id: 'a', name, arguments: JSON.stringify(args) },
      {
        taskId: 'task',
        tenant: 'acme',
        step: 1,
        deadlineAtMs: Date.now() + 60_000,
        charactersMax: 1_000,
        nowMs: Date.now,
        random: Math.random,
        log,
        onStart,
      },
    )
  return { byName, problems, call, lines }
}

describe('a folder of tools', () => {
  test('offers each tool with its parameters as JSON schema', async () => {
    const { byName, problems } = await setup()
    expect(problems).toEqual([])
    expect([...byName.keys()].sort()).toEqual([
      'append_line',
      'endless',
      'node_name',
      'pay_out',
      'primes',
      'warehouse',
    ])
    expect(byName.get('pay_out')).toMatchObject({
      approval: true,
      offer: {
        function: {
          parameters: {
            type: 'object',
            properties: { amount: { type: 'number', exclusiveMinimum: 0 } },
            required: ['amount'],
          },
        },
      },
    })
    // The model may omit a parameter with a default.
    expect(byName.get('append_line')?.offer.function.parameters['required']).toEqual(['line'])
  })

  test('reports all its problems at once', async () => {
    const { tools, problems } = await loadToolModules(WRONG_FOLDER, threads())
    expect(tools).toEqual([])
    expect(problems).toEqual([
      'broken.mjs: throws when it is loaded: this module cannot be loaded; correct it, or move this code into run',
      'nothing.mjs: exports no tool; export the result of defineTool: export const myTool = defineTool({ … })',
      expect.stringMatching(
        /^runless.mjs: the tool "misspelt" is invalid: description must .*; run must be a function: .*; the field "runn" is unknown; for "runn": did you mean "run"\?$/,
      ),
      expect.stringMatching(
        /^unnamed.mjs: .*name must .*description must .*timeoutMs must .*parameters must /,
      ),
    ])
  })

  test('must exist on the disk', async () => {
    const { problems } = await loadToolModules('/nowhere/at/all', threads())
    expect(problems).toEqual(['the folder /nowhere/at/all does not exist; correct TOOLS_DIR'])
    const file = await loadToolModules(fileURLToPath(import.meta.url), threads())
    expect(file.problems).toEqual([expect.stringMatching(/ is a file; correct TOOLS_DIR$/)])
  })

  test('checks arguments against the schema of the tool and lists each problem for the model', async () => {
    const { call } = await setup()
    expect(await call('pay_out', { amount: -1 })).toMatchObject({
      kind: 'answered',
      output: {
        error: true,
        text: expect.stringMatching(/^error: the arguments do not fit: amount: /),
      },
    })
  })

  test('fails the attempt when its tool says that the call may work later', async () => {
    const { call } = await setup()
    expect(await call('warehouse', {})).toMatchObject({
      kind: 'failed',
      failure: { kind: 'tool-failed', retryable: true },
    })
  })
})

describe('a CPU-heavy tool', () => {
  const answersAgain = async ({ call }: Pick<Awaited<ReturnType<typeof setup>>, 'call'>) =>
    expect(await call('primes', { below: 10 })).toMatchObject({ output: { text: '4' } })

  test('runs in a thread, which leaves the event loop free and logs through the worker', async () => {
    const { call, lines } = await setup()
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 5)
    expect(await call('primes', { below: 300_000 })).toMatchObject({
      kind: 'answered',
      output: { text: '25997', error: false },
    })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(2)
    expect(lines).toContain('counting')
  })

  test('ends at its time limit, and its thread is free for the next call', async () => {
    const { call } = await setup()
    expect(await call('endless', {})).toMatchObject({
      kind: 'answered',
      output: { error: true, text: expect.stringContaining('longer than 300 ms') },
    })
    await answersAgain({ call })
  })

  test('ends at once when the run is cancelled', async () => {
    const { call } = await setup()
    let cancelledMs = 0
    const outcome = await call('primes', { below: 1e12 }, (cancel) =>
      setTimeout(() => {
        cancelledMs = performance.now()
        cancel()
      }, 100),
    )
    expect(outcome).toEqual({ kind: 'cancelled' })
    expect(performance.now() - cancelledMs).toBeLessThan(1_500)
  })

  test('has its whole time limit after its thread has loaded the tool', async () => {
    const { call } = await setup(SLOW_FOLDER)
    expect(await call('slow_start', {})).toMatchObject({ output: { text: 'started' } })
  })

  test('that waits for a thread is ended, too', async () => {
    const { call } = await setup()
    const [first, second] = await Promise.all([call('endless', {}), call('endless', {})])
    expect([first.kind, second.kind]).toEqual(['answered', 'answered'])
    await answersAgain({ call })
  })

  test('gets a thread although endless calls of another tenant wait for one (L7)', async () => {
    const stop = new AbortController()
    const ask = threadsThatAnswer(stop.signal)
    const endless = Array.from({ length: 5 }, () =>
      ask('busy', 'never').catch((error: Error) => error.message),
    )
    expect(await ask('quiet', 'answer')).toBe('quiet')
    stop.abort()
    const messages = await Promise.all(endless)
    expect(messages.filter((message) => message === 'the call was stopped')).toHaveLength(1)
  })

  test('fails if its arguments cannot be copied to a thread, and its place is free for the next call', async () => {
    const ask = threadsThatAnswer(AbortSignal.timeout(SOON_MS))
    for (const tenant of ['one', 'other']) {
      await expect(ask(tenant, () => {})).rejects.toThrow('could not be cloned')
    }
    expect(await ask('third', 'answer')).toBe('third')
  })
})

/** Threads that answer the call "answer" with its tenant, and no other call. */
function threadsThatAnswer(signal: AbortSignal) {
  const code = `import { parentPort, workerData } from 'node:worker_threads'
    if (workerData.args === 'answer') parentPort.postMessage({ kind: 'answer', value: workerData.tenant })
    else setInterval(() => {}, 1_000)`
  const threadUrl = new URL(`data:text/javascript,${encodeURIComponent(code)}`)
  const { call } = createToolThreads({ threadsMax: 1, threadUrl, execArgv: [] })
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const ids = { taskId: 'task', step: 1, idempotencyKey: 'task.1' }
  return (tenant: string, args: unknown) =>
    call('file:///none', 'none', args, { ...ids, tenant, signal, log }, () => undefined)
}
