import { expect, test, vi } from 'vitest'
import { EXIT } from '../src/exit.ts'
import { widthOf } from '../src/render/text.ts'
import { run, serve } from './command-runs.ts'
import { fleetWith, NODE } from './render/fleet-view.ts'
import { SUMMARIES } from './render/tasks.ts'

const CONTROLS = /(?!\n)[\p{Cc}\p{Cf}]/gu

test('a watched view draws itself again at once for the new size when a person changes the size of the terminal', async () => {
  const nodes = Array.from({ length: 30 }, (_, at) => ({ ...NODE, id: `worker-${at + 10}` }))
  const dead = { ...NODE, id: 'worker-99', state: 'dead' as const }
  const fleet = fleetWith({ nodes: [...nodes, dead] })
  await using server = await serve((_request, response) => response.end(JSON.stringify(fleet)))
  const frames: string[] = []
  const stop = new AbortController()
  const size = { columns: 120, rows: 20 }
  let listens = false
  let resize = (): void => undefined
  const ended = run(server.url, ['fleet', '--watch', '--no-color'], {
    out: (text) => void frames.push(text.replaceAll('\u001b', '^')),
    get columns() {
      return size.columns
    },
    get rows() {
      return size.rows
    },
    onResize(listener) {
      listens = true
      resize = listener
      return () => (resize = () => undefined)
    },
    signal: stop.signal,
  })
  // The command listens once it waits for its next read.
  await vi.waitUntil(() => frames.length === 1 && listens, { timeout: 10_000 })
  Object.assign(size, { columns: 80, rows: 10 })
  resize()
  await vi.waitUntil(() => frames.length === 2, { timeout: 10_000 })
  stop.abort()
  expect((await ended).code).toBe(EXIT.interrupted)
  for (const [at, rows] of [20, 10].entries()) {
    expect(frames[at]).toMatch(/^\^\[2J\^\[H/)
    expect(frames[at]?.split('\n').length).toBeLessThanOrEqual(rows)
    // The node in trouble is the first of those that fit.
    expect(frames[at]).toMatch(/NODE .*\n\^\[Kworker-99 +dead [^]*… \d+ more lines do not fit/)
  }
})

test.for([40, 80, 200])(
  'a terminal with %i columns shows wide, joined, mirrored and controlling characters in lines that fit, and none of them reaches the terminal raw',
  async (columns) => {
    const preview =
      '日本語\u0301 👩\u200d🚀 \u202eevil\u202c \u001b[2J\u0007 שלום \u{20bb7} e\u0301\u0301 '.repeat(
        9,
      )
    const tasks = SUMMARIES.map((task) => ({
      ...task,
      preview,
      agent: 'エージェント',
      node: preview.slice(0, 9),
    }))
    const answer = JSON.stringify({
      tasks,
      goals: tasks.map((task) => ({ ...task, goal: preview })),
    })
    await using server = await serve((_request, response) => response.end(answer))
    const { out, code } = await run(server.url, ['ls', '--no-color'], { columns })
    expect(code).toBe(EXIT.done)
    expect(out.replaceAll('\u200d', '').match(CONTROLS)).toBeNull()
    const ids = tasks.map(({ id }) => id)
    for (const line of out.split('\n').filter((one) => !ids.some((id) => one.endsWith(id)))) {
      expect([line, widthOf(line) <= columns]).toEqual([line, true])
    }
  },
)
