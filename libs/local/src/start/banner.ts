import { join } from 'node:path'
import type { Fleet } from '../fleet.ts'
import type { ScaleBounds } from './scale-bounds.ts'

/** The addresses and first commands that a started fleet prints. */
export function bannerOf(
  fleet: Pick<Fleet, 'dir' | 'url' | 'apiKey' | 'consul' | 'simulators' | 'provider' | 'members'>,
  tookMs: number,
  { min, max }: ScaleBounds,
): string {
  const { dir, url } = fleet
  const workers = fleet.members('worker').length
  const key = fleet.apiKey === undefined ? '' : " -H 'authorization: Bearer YOUR_KEY'"
  const ports = fleet.members().map(({ id, adminUrl }) => `${id} ${new URL(adminUrl()).port}`)
  return `
AgentFleet: ${fleet.members().length} processes, ${workers === 1 ? 'one worker node' : `${workers} worker nodes`}, ready in ${(tookMs / 1_000).toFixed(1)} s
  page     ${url}/console
  API      ${url}/v1        (${url}/openapi.json)
  stream   ${url.replace('http', 'ws')}/v1/stream
  fleet    ${url}/v1/fleet
  Consul   ${fleet.consul.url}
  LLM      ${llmOf(fleet)}
  logs     ${join(dir, 'logs')}
  metrics  /metrics on these ports: ${ports.join(', ')}
  state    ${dir} (stop the fleet and delete this folder to start empty)
  scaling  the fleet runs ${min === max ? `${max === 1 ? 'one worker' : `${max} workers`} at all times` : `${min} to ${max} workers, as many as the tasks need`} (SCALE_MIN, SCALE_MAX)

  curl ${url}/v1/tasks${key} -H 'content-type: application/json' -H 'prefer: wait=30' \\
       -d '{"task":"Say hello","agent":"developer"}'
  npx --no agentfleet help
`
}

function llmOf({ simulators, provider }: Pick<Fleet, 'simulators' | 'provider'>): string {
  if (provider.kind === 'simulated') {
    return `simulated (${simulators.join(', ')}); set OPENAI_API_KEY, OPENAI_BASE_URL or PROVIDERS to use a real provider`
  }
  const { says, defaultModel } = provider
  return defaultModel === undefined ? says : `${says}; default model ${defaultModel}`
}
