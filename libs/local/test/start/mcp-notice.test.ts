import { expect, test } from 'vitest'
import { missingMcpServers } from '../../src/start/mcp-notice.ts'

const tools = [{ name: 'calculate' }, { name: 'crm__find' }]

test('each configured MCP server without a tool gets a line that names its log', () => {
  const servers = JSON.stringify({ crm: {}, everything: {} })
  const [line, ...more] = missingMcpServers(servers, tools, '/state/logs')
  expect(line).toMatch(/everything offers no tools yet.*\/state\/logs/)
  expect(more).toEqual([])
})

test.each([undefined, '', '{', '[]', 'null'])('MCP_SERVERS %j gets no line', (text) => {
  expect(missingMcpServers(text, tools, '/state/logs')).toEqual([])
})
