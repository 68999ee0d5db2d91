import { fileURLToPath } from 'node:url'
import { ConfigError, loadConfig } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { schema } from '../src/config.ts'
import { openNodeTools, type NodeToolsOptions } from '../src/tools/node-tools.ts'

const FOLDER = fileURLToPath(new URL('tool-folder/', import.meta.url))
const WRONG_FOLDER = fileURLToPath(new URL('wrong-tool-folder/', import.meta.url))
const note = (): void => undefined

function open(changes: Partial<NodeToolsOptions>) {
  return openNodeTools({
    dir: undefined,
    mcpServers: undefined,
    httpFetch: { allowed: [], denied: [], privateRanges: [], bytesMax: 1_000, timeoutMs: 1_000 },
    log: { debug: note, info: note, warn: note, error: note },
    random: () => 0,
    env: {},
    ...changes,
  })
}

test('a node without settings has only the built-in tools that do not use the network', async () => {
  const tools = await open({})
  expect([...tools.all().keys()]).toEqual(['calculate', 'delegate'])
  await tools.close()
})

test('a node has the tools of its folder, and http_fetch if hosts are allowed', async () => {
  const httpFetch = {
    allowed: ['example.com'],
    denied: [],
    privateRanges: [],
    bytesMax: 1_000,
    timeoutMs: 1_000,
  }
  const tools = await open({ dir: FOLDER, httpFetch })
  const bySource = [...tools.all()].map(([name, { source }]) => `${source} ${name}`)
  expect(bySource).toContain('built-in http_fetch')
  expect(bySource).toContain('module append_line')
  await tools.close()
})

test('a worker reports all problems of its tool folder together', async () => {
  const error = await open({ dir: WRONG_FOLDER }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).problems).toEqual([
    expect.stringMatching(/^broken.mjs: /),
    expect.stringMatching(/^nothing.mjs: /),
    expect.stringMatching(/^runless.mjs: .*run must be a function/),
    expect.stringMatching(/^unnamed.mjs: /),
  ])
})

test('a worker reports all problems of its MCP servers and allowed hosts together', () => {
  const problemsOf = (env: Readonly<Record<string, string>>) => {
    try {
      loadConfig(schema, env)
    } catch (error) {
      return (error as ConfigError).problems
    }
    return []
  }
  const env = {
    MCP_SERVERS: '{"a": {"command": "/no/such/program"}}',
    HTTP_FETCH_HOSTS: 'a/b',
    HTTP_FETCH_PRIVATE_RANGES: 'x',
  }
  expect(problemsOf(env)).toEqual([
    'MCP_SERVERS: a.tools: is required',
    expect.stringMatching(/^MCP_SERVERS: an example of a server that each worker starts: /),
    expect.stringMatching(/^MCP_SERVERS: an example of a server over HTTP: /),
    expect.stringMatching(/^HTTP_FETCH_HOSTS: "a\/b"/),
    expect.stringMatching(/^HTTP_FETCH_PRIVATE_RANGES: "x"/),
  ])
})

test('a node starts although one of its MCP servers is unavailable', async () => {
  const tools = await open({ mcpServers: '{"a": {"command": "/no/such/program", "tools": ["*"]}}' })
  expect([...tools.all().keys()]).toEqual(['calculate', 'delegate'])
  expect(tools.mcpProblems()).toEqual([
    { server: 'a', problem: 'the node cannot reach the server (ENOENT)' },
  ])
  await tools.close()
})
