import { expect, test } from 'vitest'
import { createLogger } from '../src/index.ts'

function setup() {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  return { lines, log: createLogger({ service: 's', id: 's-1', level: 'info', destination }) }
}

test('a line is JSON with the level as a word and the names of the process', () => {
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

test('values of secret keys are never written', () => {
  const { lines, log } = setup()
  log.info({
    apiKey: 'hunter2',
    config: { password: 'hunter2', token: 'hunter2' },
    req: { headers: { authorization: 'hunter2' } },
  })
  expect(JSON.stringify(lines)).not.toContain('hunter2')
  expect(lines[0]).toMatchObject({ apiKey: '[redacted]' })
})
