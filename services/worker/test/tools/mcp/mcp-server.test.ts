import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { McpServer as ProtocolServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { eventually } from '@agentfleet/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseMcpServers, type McpServerConfig } from '../../../src/tools/mcp/mcp-config.ts'
import { createMcpServer } from '../../../src/tools/mcp/mcp-server.ts'
import { runTool, type ToolCallOptions } from '../../../src/tools/run-tool.ts'

/** Tests with the protocol's reference server over stdio, and with a small server over HTTP. */
const EVERYTHING = createRequire(import.meta.url).resolve(
  '@modelcontextprotocol/server-everything/dist/index.js',
)
const STDIO = {
  command: process.execPath,
  args: [EVERYTHING, 'stdio'],
  tools: ['echo', 'get-sum', 'get-env', 'get-tiny-image', 'trigger-long-running-operation'],
  approval: ['get-env'],
  timeoutMs: 10_000,
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function configOf(servers: unknown): McpServerConfig {
  const parsed = parseMcpServers(JSON.stringify(servers))
  expect(parsed.problems).toEqual([])
  return Object.values(parsed.servers)[0]!
}

async function connect(name: string, config: unknown) {
  const lines: string[] = []
  const note = (_fields: object, message = ''): void => void lines.push(message)
  const server = createMcpServer({
    name,
    config: configOf({ [name]: config }),
    log: { debug: note, info: note, warn: note, error: note },
    random: () => 0,
  })
  closers.push(() => server.close())
  await server.start()
  const call = (tool: string, args: unknown, changes: Partial<ToolCallOptions> = {}) =>
    runTool(
      new Map(server.tools().map((known) => [known.offer.function.name, known])),
      { id: 'a', name: tool, arguments: JSON.stringify(args) },
      {
        taskId: 'task',
        tenant: 'acme',
        step: 7,
        deadlineAtMs: Date.now() + 60_000,
        charactersMax: 2_000,
        nowMs: Date.now,
        random: () => 0,
        log: { info() {}, warn() {}, error() {} },
        onStart: () => undefined,
        ...changes,
      },
    )
  return { server, call, lines }
}

/** A small server over HTTP that can be stopped and restarted on its port. */
async function serveHttp() {
  const keys: unknown[] = []
  const state = { dropNext: false, held: Promise.resolve() }
  const protocolServer = () => {
    const mcp = new ProtocolServer({ name: 'test', version: '1' })
    const add = (name: string, idempotentHint: boolean) =>
      mcp.registerTool(
        name,
        { description: name, inputSchema: { text: z.string() }, annotations: { idempotentHint } },
        async ({ text }, extra) => {
          keys.push(extra._meta?.['agentfleet/idempotency-key'])
          await state.held
          return { content: [{ type: 'text', text: text.repeat(2) }] }
        },
      )
    add('twice', true)
    add('once', false)
    return mcp
  }
  const http = createServer((request, response) => {
    if (request.headers['authorization'] !== 'Bearer key') {
      response.writeHead(401).end()
      return
    }
    let body = ''
    request.on('data', (piece: Buffer) => {
      body += piece.toString()
    })
    request.on('end', () => {
      const calls = body.includes('"tools/call"')
      if (calls && state.dropNext) {
        // Breaks like a server that dies within a call.
        state.dropNext = false
        request.socket.destroy()
        return
      }
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
      void protocolServer()
        .connect(transport as Parameters<ProtocolServer['connect']>[0])
        .then(() =>
          transport.handleRequest(request, response, body === '' ? undefined : JSON.parse(body)),
        )
    })
  })
  const listen = (port: number) =>
    new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = http.address() as AddressInfo
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      http.close(() => resolve())
      http.closeAllConnections()
    })
  closers.push(stop)
  const config = {
    url: `http://127.0.0.1:${port}/mcp`,
    headers: { authorization: 'Bearer key' },
    tools: ['*'],
  }
  return { config, keys, state, stop, restart: () => listen(port) }
}

describe('an MCP server over stdio', () => {
  test('offers only the allowed tools, under names that begin with the name of the server', async () => {
    const { server } = await connect('everything', STDIO)
    const names = server.tools().map((tool) => tool.offer.function.name)
    expect(names.sort()).toEqual(STDIO.tools.map((tool) => `everything__${tool}`).sort())
    const byName = new Map(server.tools().map((tool) => [tool.offer.function.name, tool]))
    expect(byName.get('everything__get-env')?.approval).toBe(true)
    expect(byName.get('everything__get-sum')?.offer.function.parameters).toMatchObject({
      type: 'object',
      properties: { a: { type: 'number' }, b: { type: 'number' } },
    })
  })

  test('answers calls and describes output that is not text', async () => {
    const { call } = await connect('everything', STDIO)
    expect(await call('everything__get-sum', { a: 2, b: 40 })).toMatchObject({
      kind: 'answered',
      output: { text: expect.stringContaining('42'), error: false },
    })
    expect(await call('everything__get-tiny-image', {})).toMatchObject({
      output: { text: expect.stringMatching(/\[image, image\/png, \d+ characters of base64\]/) },
    })
  })

  test('reports invalid arguments to the model', async () => {
    const { call } = await connect('everything', STDIO)
    expect(await call('everything__echo', { wrong: 1 })).toMatchObject({
      kind: 'answered',
      output: { error: true },
    })
    expect(await call('everything__echo', [1])).toMatchObject({ output: { error: true } })
  })

  test("sees only the configured part of the node's environment", async () => {
    process.env['OPENAI_API_KEY'] = 'a-secret-of-the-node'
    const { call } = await connect('everything', { ...STDIO, env: { GIVEN: 'to-the-server' } })
    delete process.env['OPENAI_API_KEY']
    const outcome = await call('everything__get-env', {})
    const text = outcome.kind === 'answered' ? outcome.output.text : ''
    expect(text).toContain('to-the-server')
    expect(text).not.toContain('a-secret-of-the-node')
  })

  test('learns that a call is cancelled and keeps working', async () => {
    const { call } = await connect('everything', STDIO)
    const outcome = await call(
      'everything__trigger-long-running-operation',
      { duration: 60, steps: 60 },
      { onStart: (cancel) => setTimeout(cancel, 100) },
    )
    expect(outcome).toEqual({ kind: 'cancelled' })
    expect(await call('everything__echo', { message: 'on' })).toMatchObject({
      output: { text: 'Echo: on' },
    })
  })

  test('is started again after it died, and serves as before', async () => {
    // The shell becomes the server; another process kills it a moment later.
    const { call, lines } = await connect('everything', {
      ...STDIO,
      command: '/bin/sh',
      args: [
        '-c',
        `"${process.execPath}" -e 'setTimeout(() => process.kill(process.ppid, 9), 1500)' & exec "${process.execPath}" "${EVERYTHING}" stdio`,
      ],
    })
    expect(await call('everything__echo', { message: 'a' })).toMatchObject({ kind: 'answered' })
    await eventually(() => expect(lines).toContain('The connection to an MCP server broke'))
    await eventually(async () => {
      expect(await call('everything__echo', { message: 'b' })).toMatchObject({
        output: { text: 'Echo: b' },
      })
    })
  })

  test('does not prevent the start of its node if the server cannot be started, and the node then lacks the tools of the server', async () => {
    const { server, lines } = await connect('ghost', { command: '/no/such/program', tools: ['*'] })
    expect(server.tools()).toEqual([])
    expect(server.problem()).toBe('the node cannot reach the server (ENOENT)')
    expect(lines).toEqual(['The node could not connect to an MCP server; it tries again'])
  })
})

describe('an MCP server over HTTP', () => {
  test('is called with the headers of its settings and the idempotency key of the step', async () => {
    const { config, keys } = await serveHttp()
    const { call } = await connect('small', config)
    expect(await call('small__twice', { text: 'ab' })).toEqual({
      kind: 'answered',
      output: { text: 'abab', error: false },
    })
    expect(keys).toEqual(['task.7'])
  })

  test('reports the configured tools that it does not have, until it has all of them', async () => {
    const { config } = await serveHttp()
    const lacking = await connect('small', { ...config, tools: ['twice', 'ghost', 'spirit'] })
    expect(lacking.server.problem()).toBe('the server does not have the tools ghost, spirit')
    expect(lacking.lines).toContain('An MCP server does not offer all configured tools')
    expect((await connect('small', config)).server.problem()).toBeUndefined()
  })

  test('has its answers cut at the limit', async () => {
    const { config } = await serveHttp()
    const { call } = await connect('small', config)
    expect(await call('small__twice', { text: 'x'.repeat(5_000) })).toMatchObject({
      output: { text: expect.stringMatching(/x\n\[8000 more characters were cut\]$/) },
    })
  })

  test('is called again if the connection breaks within a call that may be repeated safely', async () => {
    const { config, state, keys } = await serveHttp()
    const { call } = await connect('small', config)
    state.dropNext = true
    await eventually(async () => {
      expect(await call('small__twice', { text: 'ab' })).toMatchObject({
        kind: 'answered',
        output: { text: 'abab' },
      })
    })
    expect(new Set(keys)).toEqual(new Set(['task.7']))
  })

  test('is not called again if the connection breaks within a call that may have an effect, and the model gets an error that says so', async () => {
    const { config, state, keys } = await serveHttp()
    const { call } = await connect('small', config)
    state.dropNext = true
    expect(await call('small__once', { text: 'ab' })).toMatchObject({
      kind: 'answered',
      output: { error: true, text: expect.stringContaining('may have taken effect') },
    })
    expect(keys).toEqual([])
  })

  test('finishes its other calls if the connection breaks within one of them', async () => {
    const { config, keys, state } = await serveHttp()
    const { call } = await connect('web', config)
    let release = (): void => undefined
    state.held = new Promise((resolve) => {
      release = resolve
    })
    const other = call('web__once', { text: 'ab' })
    await eventually(() => expect(keys).toHaveLength(1))
    state.dropNext = true
    expect(await call('web__once', { text: 'ab' })).toMatchObject({ output: { error: true } })
    release()
    expect(await other).toMatchObject({ output: { text: 'abab', error: false } })
  })

  test('makes the attempt retry later while it is unavailable, and is used when it is back', async () => {
    const { config, stop, restart } = await serveHttp()
    const { call } = await connect('small', config)
    await stop()
    // It is unknown whether this call was made; from here on the node knows that the server is unavailable.
    await call('small__once', { text: 'ab' })
    expect(await call('small__once', { text: 'ab' })).toMatchObject({
      kind: 'failed',
      failure: { kind: 'tool-failed', retryable: true },
    })
    await restart()
    await eventually(async () => {
      expect(await call('small__once', { text: 'ab' })).toMatchObject({ kind: 'answered' })
    })
  })
})

describe('the variable MCP_SERVERS', () => {
  const problems = (text: string) => parseMcpServers(text).problems

  test('may be unset', () => {
    expect(parseMcpServers(undefined)).toEqual({ servers: {}, problems: [] })
  })

  test.each([
    '{',
    '[]',
    '{"a__b": {"command": "x", "tools": ["*"]}}',
    '{"a": {"command": "x"}}',
    '{"a": {"command": "x", "tools": []}}',
    '{"a": {"url": "file:///a-value", "tools": ["*"]}}',
    '{"a": {"command": "x", "url": "http://x", "tools": ["*"]}}',
    '{"a": {"command": "x", "tools": ["*"], "tolls": ["a-value"]}}',
  ])('with %s is refused, and the error does not repeat a value', (text) => {
    expect(problems(text).length).toBeGreaterThan(0)
    expect(problems(text).join()).not.toContain('a-value')
  })
})
