import { expect, test } from 'vitest'
import { defineTool } from '@agentfleet/toolkit'
import { z } from 'zod'
import { delegatedSpecs } from '../../src/tools/delegate.ts'
import { runTool } from '../../src/tools/run-tool.ts'
import { offerOf, wrong, type Tool } from '../../src/tools/tool.ts'

/** Arguments with which a model could make an answer that no log accepts. */

const MANY = Array.from({ length: 64_000 }, () => 0)
const CHARACTERS_MAX = 1_000
const SPEC = { agent: 'supervisor', input: 'x' } as never

test('each answer to wrong arguments is at most as long as the output of a tool', async () => {
  const tool: Tool = {
    offer: offerOf('probe', 'does nothing', { type: 'object' }),
    source: 'module',
    timeoutMs: 1_000,
    approval: false,
    idempotent: false,
    check: () => wrong('x'.repeat(4_000_000)),
    run: async () => ({ text: '', error: false }),
  }
  for (const name of ['probe', 'y'.repeat(500_000)]) {
    const result = await runTool(
      new Map([['probe', tool]]),
      { id: 'a', name, arguments: '{}' },
      {
        taskId: 't',
        tenant: 'acme',
        step: 0,
        deadlineAtMs: Infinity,
        charactersMax: CHARACTERS_MAX,
        nowMs: () => 0,
        random: () => 0,
        log: { info() {}, warn() {}, error() {} },
        onStart: () => undefined,
      },
    )
    expect(result).toMatchObject({ kind: 'answered', output: { error: true } })
    expect(JSON.stringify(result).length).toBeLessThan(CHARACTERS_MAX + 200)
  }
})

test.each<[string, unknown]>([
  ['tasks', { tasks: MANY }],
  ['dependencies', { tasks: [{ agent: 'researcher', task: 'x', after: MANY.map(String) }] }],
])('a call of delegate with thousands of wrong %s gets one short error', (_title, args) => {
  const said = delegatedSpecs(args, { taskId: 't', step: 0 }, SPEC)
  expect(said).toMatchObject({ error: true, text: expect.stringMatching(/expected array to have/) })
  expect(JSON.stringify(said).length).toBeLessThan(300)
})

test('a call of delegate without tasks gets an error', () => {
  expect(delegatedSpecs({ tasks: [] }, { taskId: 't', step: 0 }, SPEC)).toMatchObject({
    error: true,
    text: expect.stringContaining('at least one task'),
  })
})

test('a tool of a team names the first 20 problems of its arguments and the number of the others', () => {
  const tool = defineTool({
    name: 'sum',
    description: 'adds numbers',
    parameters: z.object({ numbers: z.array(z.string()) }),
    run: () => 'done',
  })
  const checked = tool.check({ numbers: MANY })
  expect(checked.kind === 'wrong' && checked.problems).toHaveLength(21)
  expect(checked.kind === 'wrong' && checked.problems.at(-1)).toBe('and 63980 more problems')
})
