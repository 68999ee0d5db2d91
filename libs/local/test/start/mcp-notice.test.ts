import { expect, test } from 'vitest'
import { mcpLines } from '../../src/start/mcp-notice.ts'

const tools = [{ name: 'calculate' }, { name: 'crm__find' }]
const problem = { server: 'crm', problem: 'the server does not have the tools delete', nodes: 2 }

test('a start prints a line for each configured MCP server that lacks tools, with the problem and the folder of the logs', () => {
  const servers = JSON.stringify({ crm: {}, everything: {} })
  expect(mcpLines(servers, tools, [], '/state/logs')).toEqual([
    expect.stringMatching(/everything: the server does not offer its tools yet.*\/state\/logs/),
  ])
  expect(mcpLines(servers, tools, [problem], '/state/logs')).toEqual([
    expect.stringMatching(/crm: the server does not have the tools delete \(on 2 of the workers\)/),
    expect.stringMatching(/everything: the server does not offer its tools yet/),
  ])
})

test.each([undefined, '', '{', '[]', 'null'])(
  'a start with MCP_SERVERS=%j prints no line about MCP servers',
  (text) => {
    expect(mcpLines(text, tools, [], '/state/logs')).toEqual([])
  },
)
