import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** Tools in TypeScript, in a folder outside of every installation, loaded by the built worker. */
const DIST = new URL('../../dist/tools/', import.meta.url)
const PROGRAM = `
  const [dist, dir] = process.argv.slice(2)
  const { registerModuleHooks } = await import(dist + 'register-hooks.js')
  const { loadToolModules } = await import(dist + 'tool-modules.js')
  const { createToolThreads } = await import(dist + 'tool-threads.js')
  registerModuleHooks()
  const { tools, problems } = await loadToolModules(dir, createToolThreads({ threadsMax: 1 }))
  const context = {
    taskId: 't', step: 1, idempotencyKey: 'k', signal: new AbortController().signal,
    log: { info() {}, warn() {}, error() {} },
  }
  const answers = {}
  for (const tool of tools) answers[tool.offer.function.name] = (await tool.run({ text: 'a' }, context, () => {})).text
  console.log(JSON.stringify({ answers, problems }))
`
const tool = (name: string, cpuHeavy: boolean) => `
import { defineTool } from '@agentfleet/toolkit'
import { z } from 'zod'
import { twice, type Text } from './lib/twice.js'
enum Mark { End = '!' }
export const ${name} = defineTool({
  name: '${name}',
  description: 'Doubles a text.',
  parameters: z.object({ text: z.string() }),
  cpuHeavy: ${cpuHeavy},
  async run({ text }: { text: Text }): Promise<string> {
    return twice(text) + Mark.End
  },
})
`
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'agentfleet ts-tools-'))
  await mkdir(join(dir, 'lib'))
  const lib = 'export type Text = string\nexport const twice = (text: Text): Text => text + text\n'
  await writeFile(join(dir, 'lib', 'twice.ts'), lib)
  await writeFile(join(dir, 'lib', 'load.mjs'), PROGRAM)
  await writeFile(join(dir, 'light.ts'), tool('light', false))
  await writeFile(join(dir, 'heavy.mts'), tool('heavy', true))
  await writeFile(join(dir, 'broken.ts'), 'export const x: = 5\n')
  await writeFile(join(dir, 'types.d.ts'), 'export type T = 1\n')
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('TypeScript tools run from any folder and also in threads, and the error of a broken tool says what is wrong', async () => {
  const args = [join(dir, 'lib', 'load.mjs'), DIST.href, dir]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { answers, problems } = JSON.parse(stdout) as {
    answers: Record<string, string>
    problems: string[]
  }
  expect(answers).toEqual({ light: 'aa!', heavy: 'aa!' })
  expect(problems).toEqual([
    expect.stringMatching(/^broken\.ts: cannot be compiled at line 1, column 17: .*; correct it$/),
  ])
})
