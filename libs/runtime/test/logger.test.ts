import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createLogger } from '../src/index.ts'

function setup() {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  return { lines, log: createLogger({ service: 's', id: 's-1', level: 'info', destination }) }
}

test('a log line is JSON with the level as a word and the name and id of the service', () => {
  const { lines, log } = setup()
  log.debug('unseen')
  log.info({ taskId: 't' }, 'seen')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({
    level: 'info',
    service: 's',
    id: 's-1',
    taskId: 't',
    msg: 'seen',
  })
})

test('the values of fields with secret names are never written to the log', () => {
  const { lines, log } = setup()
  log.info({
    apiKey: 'hunter2',
    config: { password: 'hunter2', token: 'hunter2' },
    req: { headers: { authorization: 'hunter2' } },
  })
  expect(JSON.stringify(lines)).not.toContain('hunter2')
  expect(lines[0]).toMatchObject({ apiKey: '[redacted]' })
})

test('a process keeps running if its log cannot be written because the disk is full', async () => {
  const program = `
    import { createLogger } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
    const log = createLogger({ service: 's', id: 's-1', level: 'info' })
    for (let line = 0; line < 100; line += 1) log.info({ line }, 'x'.repeat(50_000))
    setTimeout(() => process.exit(7), 50)
  `
  // Every write to this device fails with ENOSPC.
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', full, 'inherit'],
  })
  expect((await once(child, 'exit'))[0]).toBe(7)
})
