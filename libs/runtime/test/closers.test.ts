import { expect, test } from 'vitest'
import { createClosers, createLogger } from '../src/index.ts'

function setup() {
  const lines: { msg: string }[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const log = createLogger({ service: 's', id: 's-1', level: 'info', destination })
  return { lines, closers: createClosers(log, 10) }
}

test('a process closes its resources in reverse order, even if closing one of them hangs or fails', async () => {
  const { lines, closers } = setup()
  const closed: string[] = []
  closers.add({ close: async () => void closed.push('first') })
  closers.add({ close: () => new Promise<void>(() => {}) })
  closers.add({ close: () => Promise.reject(new Error('broken')) })
  const last = closers.add({ close: async () => void closed.push('last'), mark: 1 })
  expect(last.mark).toBe(1)
  await Promise.all([closers.closeAll(), closers.closeAll()])
  expect(closed).toEqual(['last', 'first'])
  expect(lines.map((line) => line.msg)).toEqual([
    'A connection or server of the process could not be closed',
    'A connection or server of the process did not close in time',
  ])
})

test('a resource that is added after the process has closed its resources is closed at once', async () => {
  const { closers } = setup()
  await closers.closeAll()
  let closed = false
  closers.add({ close: async () => void (closed = true) })
  expect(closed).toBe(true)
})
