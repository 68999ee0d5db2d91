import { isToolFailure, toolFailure } from '@agentfleet/toolkit'
import { expect, test } from 'vitest'
import { builtInTools } from '../../src/tools/built-in.ts'
import { runTool } from '../../src/tools/run-tool.ts'
import { safeError, safeTool } from '../../src/tools/safe-tool.ts'
import type { Tool } from '../../src/tools/tool.ts'

test('a safe error keeps its code and what follows from it, and loses the request that its client attached', () => {
  const cause = Object.assign(new Error('POST https://u:hunter2@crm'), {
    code: 'ECONNRESET',
    config: { headers: { authorization: 'hunter2' } },
  })
  const safe = safeError(toolFailure('retry', 'hunter2 was refused', cause), ['hunter2'])
  expect(isToolFailure(safe) && safe.next).toBe('retry')
  expect((safe as Error).cause).toMatchObject({ code: 'ECONNRESET' })
  expect((safe as Error).cause).not.toHaveProperty('config')
  const { stack } = safe as Error
  expect(`${stack} ${((safe as Error).cause as Error).stack}`).not.toContain('hunter2')
})

test('the error of a tool reaches the model and the log without secrets, and an answer on purpose stays unchanged', async () => {
  const logged: object[] = []
  const call = (run: Tool['run']) =>
    runTool(
      new Map([
        [
          'crm',
          safeTool({ ...builtInTools().get('calculate')!, check: () => undefined, run }, [
            'open sesame',
          ]),
        ],
      ]),
      { id: 'a', name: 'crm', arguments: '{}' },
      {
        taskId: 't',
        tenant: 'acme',
        step: 1,
        deadlineAtMs: Date.now() + 60_000,
        charactersMax: 1_000,
        nowMs: Date.now,
        random: () => 0,
        log: { info() {}, warn: (_message, fields) => void logged.push(fields ?? {}), error() {} },
        onStart: () => undefined,
      },
    )
  const thrown = await call(() => Promise.reject(new Error('open sesame: redis://:hunter2@db')))
  expect(thrown).toMatchObject({
    output: { error: true, text: 'error: [secret]: redis://[secret]@db' },
  })
  const { err } = logged[0] as { err: Error }
  expect(`${err.message} ${err.stack}`).not.toMatch(/sesame|hunter2/)
  const said = await call(() => Promise.resolve({ text: 'error: open sesame', error: true }))
  expect(said).toMatchObject({ output: { text: 'error: [secret]' } })
  const answer = { text: 'your new password=abcdef', error: false }
  expect(await call(() => Promise.resolve(answer))).toMatchObject({ output: answer })
})
