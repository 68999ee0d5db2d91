import { loadConfig, withRules } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { orchestratorEnv, orchestratorProblems } from '../src/index.ts'

const schema = withRules(z.object({ ...orchestratorEnv }), orchestratorProblems)

test.each([
  ['http://10.0.0.1:8080', { K8S_TOKEN_FILE: '/token' }, true],
  ['http://localhost.example', { K8S_TOKEN_FILE: '/token' }, true],
  ['http://127.0.0.1:8001', { K8S_CA_FILE: '/ca' }, true],
  ['http://127.0.0.1:8001', { K8S_TOKEN_FILE: '/token' }, false],
  ['http://[::1]:8001', { K8S_TOKEN_FILE: '/token' }, false],
  ['http://10.0.0.1:8001', {}, false],
  ['https://10.0.0.1:6443', { K8S_TOKEN_FILE: '/token', K8S_CA_FILE: '/ca' }, false],
] as const)(
  'the cluster at %s with the files %j is refused (%s): no token leaves the machine unencrypted',
  (K8S_API_URL, files, refused) => {
    const env = { DRIVER: 'kubernetes', K8S_NAMESPACE: 'agentfleet', K8S_API_URL, ...files }
    const load = () => loadConfig(schema, env)
    if (refused) expect(load).toThrow(/K8S_API_URL: is not encrypted.*https:/)
    else expect(load()).toMatchObject({ K8S_API_URL })
  },
)
