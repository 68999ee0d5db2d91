import { expect, test } from 'vitest'
import { parseMcpServers } from '../../../src/tools/mcp/mcp-config.ts'

const RIGHT = { command: 'npx', tools: ['*'] }

/** The problems of one server, without the examples that follow them. */
function problemsOf(server: unknown, name = 'crm'): readonly string[] {
  const parsed = parseMcpServers(JSON.stringify({ [name]: server }))
  if (parsed.problems.length === 0) return []
  expect(parsed.problems.slice(-2)).toEqual([
    expect.stringContaining('{"files": {"command": "npx"'),
    expect.stringContaining('{"crm": {"url": "https://crm.example/mcp", "tools": ["*"]}}'),
  ])
  return parsed.problems.slice(0, -2)
}

test.each([
  ['no way to reach it', { tools: ['*'] }, ['crm: needs command (a program to start) or url']],
  ['two ways', { ...RIGHT, url: 'http://x/mcp' }, ['crm: has both command and url']],
  ['no tools', { command: 'npx' }, ['crm.tools: is required']],
  ['an empty list of tools', { ...RIGHT, tools: [] }, ['crm.tools: must have at least 1 entry']],
  ['arguments as a text', { ...RIGHT, args: '-y x' }, ['crm.args: must be a list']],
  ['a number as variable', { ...RIGHT, env: { PORT: 1 } }, ['crm.env.PORT: must be a text']],
  ['no text as command', { ...RIGHT, command: ['npx'] }, ['crm.command: must be a text']],
  ['no URL', { url: 'crm.example', tools: ['*'] }, ['crm.url: must be an http or https URL']],
  [
    'a password in its URL',
    { url: 'https://kim:hunter2@crm.example/mcp', tools: ['*'] },
    ['crm.url: must not hold a user or a password; use headers'],
  ],
  [
    'a header that no client can send',
    { url: 'https://crm.example/mcp', tools: ['*'], headers: { 'x key': 'a', key: 'secret\n' } },
    [
      'crm.headers.x key: the name of a header has letters, digits and - only',
      'crm.headers.key: must have visible ASCII characters',
    ],
  ],
  ['headers without a url', { ...RIGHT, headers: {} }, ['crm.headers: has no effect with command']],
  ['a short time', { ...RIGHT, timeoutMs: 5 }, ['crm.timeoutMs: must be at least 100']],
  ['a text as server', 'npx', ['crm: must be an object']],
  [
    'misspelt fields',
    { comand: 'npx', tool: ['*'] },
    [
      'crm.tools: is required',
      'crm: the field "comand" is unknown; did you mean "command"?; the field "tool" is unknown; did you mean "tools"?',
      'crm: needs command',
    ],
  ],
] as const)(
  'the configuration of an MCP server with %s is refused with each problem and with examples',
  (_what, server, said) => {
    const problems = problemsOf(server)
    expect(problems).toEqual(said.map((text) => expect.stringContaining(`MCP_SERVERS: ${text}`)))
  },
)

test('an invalid name of an MCP server is refused, and the refusal contains the rule for names', () => {
  expect(problemsOf(RIGHT, 'a__b')).toEqual([
    expect.stringMatching(/^MCP_SERVERS: a__b: a server name has at most 32 letters/),
  ])
})

test('a valid MCP server gets the default settings of its transport', () => {
  expect(parseMcpServers(JSON.stringify({ a: RIGHT }))).toEqual({
    servers: {
      a: { command: 'npx', args: [], env: {}, tools: ['*'], approval: [], timeoutMs: 60_000 },
    },
    problems: [],
  })
})
