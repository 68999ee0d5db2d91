import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LLMock } from '@copilotkit/aimock'
import { drawPorts } from '@agentfleet/local'
import { expect, test } from 'vitest'
import { eventually } from '@agentfleet/testkit'
import { providerAt, runTask } from './support.ts'

/** Two third-party stand-ins, each with its own interpretation of the API. */

const SCHEMA = {
  type: 'object',
  properties: { answer: { type: 'integer' } },
  required: ['answer'],
  additionalProperties: false,
}

test('a task with a tool and a schema completes when the program aimock stands in for the provider', async () => {
  const mock = new LLMock({ port: 0 })
  const arguments_ = '{"expression":"6*7"}'
  mock.on({ hasToolResult: false }, { toolCalls: [{ name: 'calculate', arguments: arguments_ }] })
  mock.on({ hasToolResult: true }, { content: '{"answer":42}' })
  await mock.start()
  try {
    const { ending, journal } = await runTask([providerAt(`${mock.url}/v1`)], {
      tools: ['calculate'],
      responseSchema: SCHEMA,
    })
    expect(ending).toMatchObject({ kind: 'completed', result: { answer: 42 } })
    expect(journal.map(({ kind }) => kind)).toEqual(['llm', 'tool'])
  } finally {
    await mock.stop()
  }
})

test('a task with a tool and a schema completes when the program mock-llm stands in for the provider', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mock-llm-'))
  const [port = 0] = await drawPorts(1)
  const reply = (message: object, finish: string) =>
    JSON.stringify({ choices: [{ index: 0, message, finish_reason: finish }] })
  const call = {
    id: 'call_1',
    type: 'function',
    function: { name: 'calculate', arguments: '{"expression":"6*7"}' },
  }
  const rule = (match: string, content: string) => ({
    path: '/v1/chat/completions',
    method: 'POST',
    match,
    response: { status: 200, content },
  })
  const rules = [
    rule(
      "body.messages[-1].role == 'user'",
      reply({ role: 'assistant', content: null, tool_calls: [call] }, 'tool_calls'),
    ),
    rule(
      "body.messages[-1].role == 'tool'",
      reply({ role: 'assistant', content: '{"answer":42}' }, 'stop'),
    ),
  ]
  // JSON is valid YAML.
  await writeFile(join(folder, 'mock-llm.yaml'), JSON.stringify({ rules }))
  const main = createRequire(import.meta.url).resolve('@dwmkerr/mock-llm')
  const child = spawn(process.execPath, [main], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: String(port) },
    stdio: 'ignore',
  })
  try {
    const baseUrl = `http://127.0.0.1:${port}/v1`
    await eventually(async () =>
      expect((await fetch(`${baseUrl}/models`)).status).toBeLessThan(500),
    )
    // The stand-in cannot stream tool calls.
    const provider = providerAt(baseUrl, { capabilities: { stream: false } })
    const { ending, journal } = await runTask([provider], {
      tools: ['calculate'],
      responseSchema: SCHEMA,
    })
    expect(ending).toMatchObject({ kind: 'completed', result: { answer: 42 } })
    expect(journal.map(({ kind }) => kind)).toEqual(['llm', 'tool'])
  } finally {
    child.kill()
    await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
})
