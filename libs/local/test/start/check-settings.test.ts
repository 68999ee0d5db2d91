import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checkSettings } from '../../src/start/check-settings.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const check = (env: Readonly<Record<string, string>>) =>
  checkSettings(env, ROOT, { min: 2, max: 2 })

test('a start without variables reports no wrong variable, and reports variables that the start sets itself as without effect', async () => {
  await check({})
  const notices = await check({
    HTTP_PORT: 'many',
    SERVICE_ID: '?',
    NATS_URL: 'x',
    API_PORT: '9000',
  })
  expect(notices.map((notice) => notice.slice(0, notice.indexOf(',')))).toEqual([
    'HTTP_PORT has no effect',
    'NATS_URL has no effect',
    'SERVICE_ID has no effect',
  ])
})

test('a start says that the simulator replaces the models of the environment, and only if the simulator answers', async () => {
  const env = { DEFAULT_MODEL: 'gpt-4o', ADVISER_MODEL: 'sim' }
  expect(await check(env)).toEqual([
    expect.stringMatching(
      /^DEFAULT_MODEL has no effect, .* sets DEFAULT_MODEL=sim; set OPENAI_API_KEY/,
    ),
  ])
  expect(await check({ ...env, OPENAI_API_KEY: 'k' })).toEqual([])
})

test('wrong variables of several services are listed together, each once, with the position of the mistake', async () => {
  const error: unknown = await check({
    API_KEYS: 'acme:too-short',
    PROVIDERS: '{"providers": [\n}',
    MCP_SERVERS: '{"crm": {"url": "https://crm.example"}}',
    TENANT_LIMITS: '{"acme": {"weight": 0}, }',
    TENANT_TOOLS: '{"acme": [',
    TOOLS_DIR: '/no/such/folder',
    WORKER_SLOTS: 'many',
    HTTP_FETCH_HOSTS: 'https://example.com',
    ALLOWED_ORIGINS: 'example.com',
    OPENAI_BASE_URL: 'localhost:11434/v1',
    SIMULATOR_TTFT: '5',
    SIMULATOR_TTFT_MS: '-5',
    WORKR_SLOTS: '4',
  }).catch((reason: unknown) => reason)
  const { message } = error as Error
  for (const part of [
    /API_KEYS: entry 1 needs a key of 16 characters/,
    /PROVIDERS: must be JSON, but it has an error at line 2, column 1; docs\/guides\/providers-and-limits.md/,
    /MCP_SERVERS: crm.tools: is required/,
    /TENANT_LIMITS: must be JSON, but it has an error at line 1, column 25; docs\/guides\/tenants-and-keys.md/,
    /TENANT_TOOLS: must be JSON, but it has an error at line 1, column 11; docs\/guides\/tenants-and-keys.md/,
    /TOOLS_DIR: the folder \/no\/such\/folder does not exist; .*docs\/guides\/write-a-tool.md/,
    /WORKER_SLOTS: is "many"; expected a whole number/,
    /\nWORKR_SLOTS has no effect; did you mean WORKER_SLOTS\?/,
    /HTTP_FETCH_HOSTS: "https:\/\/example.com" is not a host pattern/,
    /ALLOWED_ORIGINS: "example.com" is not an origin/,
    /OPENAI_BASE_URL: is not a URL; expected a URL that begins with http:\/\/ or https:\/\//,
    /SIMULATOR_TTFT: is not a setting; the settings are .*SIMULATOR_TTFT_MS/,
    /SIMULATOR_TTFT_MS: must be 0 to \d+/,
    /docs\/reference\/npm-start.md/,
  ]) {
    expect(message).toMatch(part)
  }
  expect(message.match(/TENANT_LIMITS/g)).toHaveLength(1)
})

test('a start mentions misspelt names of its settings, and does not mention other variables', async () => {
  const notices = await check({
    WORKER_SLOT: '4',
    Openai_Api_Ky: 'k',
    AGENTFLEET_DATA: '/x',
    PATH: '/bin',
    EDITOR: 'vi',
    API_PORT: '1',
  })
  expect(notices).toEqual([
    'WORKER_SLOT has no effect; did you mean WORKER_SLOTS?',
    'Openai_Api_Ky has no effect; did you mean OPENAI_API_KEY?',
    expect.stringMatching(/^AGENTFLEET_DATA has no effect; docs/),
  ])
})

test('a start reports invalid tool files before it starts any process, each with the file and what to write instead', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'agentfleet ts tools-'))
  const from = (name: string) => `from '${name}'`
  const define = (fields: string) => `
    import { defineTool } ${from('@agentfleet/toolkit')}
    import { z } ${from('zod')}
    export const tool = defineTool({ description: 'd', parameters: z.object({}), ${fields} })`
  const modules = {
    'a.ts': define('name: "a", runs: () => 1'),
    'b.ts': define('name: "calculate", run: () => 1'),
    'c.ts': 'export const c: = 1\n',
    'd.js': '\nexport const d = {\n',
    'e.ts': `import pad ${from('left-pad')}\nconsole.log(pad)\n`,
    'f.ts': 'export const f = { name: "f" }\n',
    'g.ts': 'process.exit(0)\n',
  }
  try {
    const none: unknown = await check({ TOOLS_DIR: dir }).catch((reason: unknown) => reason)
    expect((none as Error).message).toContain(`tools in ${dir}: has no modules; save your tools`)
    for (const [file, text] of Object.entries(modules)) await writeFile(join(dir, file), text)
    const ends: unknown = await check({ TOOLS_DIR: dir }).catch((reason: unknown) => reason)
    expect((ends as Error).message).toContain(
      `tools in ${dir}: g.ts: ends the process (exit code 0) while it is loaded; move this code into run`,
    )
    await rm(join(dir, 'g.ts'))
    const wrong: unknown = await check({ TOOLS_DIR: dir }).catch((reason: unknown) => reason)
    for (const part of [
      /a.ts: the tool "a" is invalid: run must be a function: .*; for "runs": did you mean "run"\?/,
      /b.ts: the tool "calculate" has the name of a built-in tool; choose another name/,
      /c.ts: cannot be compiled at line 1, column 17: /,
      /d.js: cannot be compiled at line 2, column \d+: .*; correct it/,
      /e.ts: the file imports the package left-pad, which is not installed; run "npm install left-pad"/,
      /f.ts: exports no tool; .*: export const f = defineTool\({ … }\)/,
    ]) {
      expect((wrong as Error).message).toMatch(part)
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
