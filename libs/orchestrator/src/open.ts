import type { Snapshot } from '@agentfleet/protocol'
import { isLoopback, oneOf, secret, text, url, type Clock, type Logger } from '@agentfleet/runtime'
import type { z } from 'zod'
import { createLocalOrchestrator } from './local.ts'
import type { Orchestrator } from './orchestrator.ts'
import { createRecommender } from './recommend.ts'

/** Both kinds of names have this form; they become part of a path. */
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** The variables of every service that acts through an orchestrator. */
export const orchestratorEnv = Object.freeze({
  /** The orchestrator of the processes; `recommend` only records what should be done. */
  DRIVER: oneOf(['local', 'kubernetes', 'recommend'], 'recommend'),
  /** Control API of the driver `local`, see libs/orchestrator/README.md. */
  ORCHESTRATOR_URL: url().optional(),
  ORCHESTRATOR_TOKEN: secret().optional(),
  /** The Deployment of the nodes: the driver sets its size, and deletes only its pods. */
  K8S_DEPLOYMENT: text({
    default: 'agent-worker',
    pattern: DNS_LABEL,
    expected: 'the name of a Deployment',
  }),
  /** Default: the namespace of this pod. */
  K8S_NAMESPACE: text({ pattern: DNS_LABEL, expected: 'the name of a namespace' }).optional(),
  /** Default: the cluster that this process runs in, with the token of its pod. */
  K8S_API_URL: url().optional(),
  /** Read again every minute, as the cluster replaces such tokens. */
  K8S_TOKEN_FILE: text().optional(),
  K8S_CA_FILE: text().optional(),
})

/** The configuration made from `orchestratorEnv`. */
export type OrchestratorConfig = Readonly<z.output<z.ZodObject<typeof orchestratorEnv>>>

/** Problems that concern several variables; empty when there are none. */
export function orchestratorProblems(config: Partial<OrchestratorConfig>): readonly string[] {
  const { DRIVER: driver, K8S_API_URL: apiUrl, K8S_NAMESPACE: namespace } = config
  if (driver === 'local' && config.ORCHESTRATOR_URL === undefined) {
    return ['ORCHESTRATOR_URL: is not set; DRIVER=local needs the URL of its control API']
  }
  if (driver === 'kubernetes' && apiUrl !== undefined && namespace === undefined) {
    return ['K8S_NAMESPACE: is not set; K8S_API_URL needs the namespace too']
  }
  return driver === 'kubernetes' && apiUrl !== undefined ? plainProblems(apiUrl, config) : []
}

/** A token of the cluster never leaves this machine unencrypted; a `kubectl proxy` here needs no certificate. */
function plainProblems(
  apiUrl: string,
  { K8S_TOKEN_FILE: tokenFile, K8S_CA_FILE: caFile }: Partial<OrchestratorConfig>,
): readonly string[] {
  const { protocol, hostname } = new URL(apiUrl)
  const isExposed = tokenFile !== undefined && !isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'))
  if (protocol !== 'http:' || (caFile === undefined && !isExposed)) return []
  return [
    'K8S_API_URL: is not encrypted, although there is a file with a token or an authority; begin the URL with https://',
  ]
}

/** The parts of a service that drivers need. */
export interface OrchestratorDeps {
  /** The latest snapshot, for the driver that only recommends. */
  readonly latest: () => Snapshot | undefined
  /** Asks a node over the bus to finish its work and exit; true when it answered. */
  readonly drain: (nodeId: string) => Promise<boolean>
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
}

/** The driver that the configuration names; its first call connects. */
export async function openOrchestrator(
  config: OrchestratorConfig,
  deps: OrchestratorDeps,
): Promise<Orchestrator> {
  const { DRIVER: driver, ORCHESTRATOR_URL: url, ORCHESTRATOR_TOKEN: token } = config
  if (driver === 'local' && url !== undefined) {
    return createLocalOrchestrator({ ...deps, url, token })
  }
  if (driver === 'kubernetes') {
    // The cluster client costs time and memory that only processes in a cluster should pay.
    const { openKubernetes } = await import('./kubernetes/driver.ts')
    return openKubernetes(
      {
        namespace: config.K8S_NAMESPACE,
        deployment: config.K8S_DEPLOYMENT,
        apiUrl: config.K8S_API_URL,
        tokenFile: config.K8S_TOKEN_FILE,
        caFile: config.K8S_CA_FILE,
      },
      deps,
    )
  }
  return createRecommender(() =>
    (deps.latest()?.nodes ?? []).map(({ nodeId: id, startedAtMs }) => ({ id, startedAtMs })),
  )
}
