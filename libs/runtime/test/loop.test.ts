import { expect, test, vi } from 'vitest'
import { createLogger, every, systemClock, type LoopOptions } from '../src/index.ts'

function setup(
  run: (signal: AbortSignal) => Promise<void>,
  { intervalMs = 1, ...options }: Partial<LoopOptions> & { intervalMs?: number } = {},
) {
  const lines: { level: string; msg: string }[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const log = createLogger({ service: 's', id: 's-1', level: 'info', destination })
  const loop = every(intervalMs, { clock: systemClock, log, name: 'l', ...options }, run)
  return { loop, lines }
}

/** A busy machine may give this process no time for seconds. */
const until = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 20_000, interval: 5 })

function latch() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

test('LOOP-1: the runs of a loop follow each other, never overlap, and stop when the loop is drained', async () => {
  let running = 0
  let runs = 0
  const { loop } = setup(async () => {
    running += 1
    runs += 1
    expect(running).toBe(1)
    await new Promise(setImmediate)
    running -= 1
  })
  await loop.start()
  await loop.start()
  await until(() => runs >= 5)
  await loop.drain(1_000)
  await loop.drain(1_000)
  const atDrain = runs
  let others = 0
  const other = setup(async () => void (others += 1)).loop
  await other.start()
  await until(() => others >= 5)
  await other.drain(1_000)
  expect(runs).toBe(atDrain)
})

test('the drain of a loop waits for the current run of the loop', async () => {
  const { opened, open } = latch()
  let ended = false
  const { loop } = setup(async () => {
    await opened
    ended = true
  })
  await loop.start()
  const drained = loop.drain(5_000)
  expect(ended).toBe(false)
  open()
  await drained
  expect(ended).toBe(true)
})

test('LOOP-2: a run of a loop is aborted at the deadline of the drain', async () => {
  let reason: unknown
  const { loop, lines } = setup((signal) => {
    signal.addEventListener('abort', () => (reason = signal.reason))
    return untilAborted(signal)
  })
  await loop.start()
  await loop.drain(1)
  expect(String(reason)).toContain('drained')
  expect(lines).toEqual([])
})

test('LOOP-2: a run of a loop is aborted at its own deadline, and the loop continues', async () => {
  let runs = 0
  const { loop, lines } = setup(
    (signal) => {
      runs += 1
      return untilAborted(signal)
    },
    { runDeadlineMs: 5 },
  )
  await loop.start()
  await until(() => runs >= 3)
  await loop.drain(100)
  expect(lines[0]).toMatchObject({ level: 'error', loop: 'l' })
})

test('LOOP-3: a repeated error of a loop is logged once, and the loop continues and logs its recovery', async () => {
  let runs = 0
  const { loop, lines } = setup(async () => {
    runs += 1
    if (runs <= 3) throw new Error('store is away')
  })
  await loop.start()
  await until(() => runs >= 5)
  await loop.drain(100)
  expect(lines.map((line) => line.level)).toEqual(['error', 'info'])
  expect(lines[1]).toMatchObject({ msg: 'A loop works again after failed rounds', failures: 3 })
})

test('a drained loop can be started again, and a loop may be drained before its start', async () => {
  let runs = 0
  const { loop } = setup(async () => void (runs += 1), { intervalMs: 60_000 })
  await loop.drain(1)
  await loop.start()
  await until(() => runs === 1)
  await loop.drain(100)
  await loop.start()
  await until(() => runs === 2)
  await loop.drain(100)
})

test('a run of a loop that ignores its abort signal makes the service not ready', async () => {
  const { opened, open } = latch()
  const { loop } = setup(() => opened, { runDeadlineMs: 1 })
  await loop.start()
  await until(() => loop.ready?.().ok === false)
  open()
  await until(() => loop.ready?.().ok === true)
  await loop.drain(100)
})
