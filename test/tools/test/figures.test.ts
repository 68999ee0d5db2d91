import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { readOptions } from '../src/bench/options.ts'
import { median, quantile, spreadOf } from '../src/figures.ts'
import { readTrace } from '../src/replay/trace.ts'

it('the tools compute a quantile by the nearest-rank method', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  expect(spreadOf(values)).toEqual({ count: 100, p50: 50, p99: 99, max: 100 })
  expect(quantile([7], 0.99)).toBe(7)
  expect(quantile([], 0.5)).toBeNaN()
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5])
})

it('the replay counts the times of a trace from its first request, and reports an invalid line', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'trace-'))
  try {
    const file = join(dir, 'trace.csv')
    const head = 'TIMESTAMP,ContextTokens,GeneratedTokens\n'
    const rows = '2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n'
    await writeFile(file, head + rows)
    const [first, second] = await readTrace(file, 10)
    expect(first).toEqual({ atMs: 0, promptTokens: 374, answerTokens: 44 })
    expect(second?.atMs).toBeCloseTo(4_314.579, 2)
    expect(await readTrace(file, 1)).toHaveLength(1)
    await writeFile(file, `${head}yesterday,1,2\n`)
    await expect(readTrace(file, 10)).rejects.toThrow('trace.csv:2 is not a row of a trace')
  } finally {
    await rm(dir, { recursive: true })
  }
})

it('the benchmark reads from flags which parts to measure, and their sizes, and refuses unknown flags', () => {
  const options = readOptions(['--only', 'failover,latency', '--smoke', '--rate', '50'])
  if (options === 'help') throw new Error('no help was asked for')
  expect([...options.parts]).toEqual(['latency', 'failover'])
  expect([options.rounds, options.rate]).toEqual([1, 50])
  expect(() => readOptions(['--only', 'speed'])).toThrow('not speed')
  expect(() => readOptions(['--rounds', 'many'])).toThrow('--rounds must be a number')
})

it.each([
  ['bench', ['--speed', '3'], "Unknown option '--speed'"],
  ['chaos', ['--minutes', 'x'], '--minutes must be a number above 0, got x'],
  ['mutate', ['--only', 'nothing'], 'not nothing'],
  ['replay', ['--trace', '/no-such-trace'], 'the trace cannot be read: ENOENT'],
  [
    'simulate',
    ['--only', 'scaling', '--trace', '/no-such-trace'],
    'the trace cannot be read: ENOENT',
  ],
])(
  '%s with %j says what to correct and how it is used, without a stack',
  async (name, args, fault) => {
    const command = join(import.meta.dirname, `../dist/${name}.js`)
    const failed = promisify(execFile)(process.execPath, [command, ...args])
    const { code, stderr } = await failed.then(
      () => ({ code: 0, stderr: '' }),
      (error: { code: number; stderr: string }) => error,
    )
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(fault) as string })
    expect(stderr).toMatch(/^npm run /m)
    expect(stderr).not.toMatch(/^ +at /m)
  },
)
