import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checkSettings } from '../../src/start/check-settings.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const check = (env: Readonly<Record<string, string>>) =>
  checkSettings(env, ROOT, { min: 2, max: 2 })

test('a start without variables finds no wrong variable, and ignores the variables that it sets itself', async () => {
  await check({})
  await check({ HTTP_PORT: 'many', SERVICE_ID: '?', NATS_URL: 'x' })
})

test('wrong variables of several services are listed together, each once, with the place of the mistake', async () => {
  const error: unknown = await check({
    API_KEYS: 'acme:too-short',
    PROVIDERS: '{"providers": [\n}',
    MCP_SERVERS: '{"crm": {"url": "https://crm.example"}}',
    TENANT_LIMITS: '{"acme": {"weight": 0}, }',
    TENANT_TOOLS: '{"acme": [',
    TOOLS_DIR: '/no/such/folder',
    WORKER_SLOTS: 'many',
  }).catch((reason: unknown) => reason)
  const { message } = error as Error
  for (const part of [
    /API_KEYS: entry 1 needs a key of 16 characters/,
    /PROVIDERS: must be JSON, and is not at line 2, column 1; docs\/guides\/providers-and-limits.md/,
    /MCP_SERVERS.crm: needs either command or url, and tools/,
    /TENANT_LIMITS: must be JSON, and is not at line 1, column 25; docs\/guides\/tenants-and-keys.md/,
    /TENANT_TOOLS: must be JSON, and is not at line 1, column 11; docs\/guides\/tenants-and-keys.md/,
    /TOOLS_DIR: the folder \/no\/such\/folder does not exist; .*docs\/guides\/write-a-tool.md/,
    /WORKER_SLOTS: is "many"; expected a whole number/,
    /docs\/reference\/npm-start.md/,
  ]) {
    expect(message).toMatch(part)
  }
  expect(message.match(/TENANT_LIMITS/g)).toHaveLength(1)
})
