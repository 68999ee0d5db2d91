import type { Snapshot } from '@agentfleet/protocol'
import { oneOf, secret, text, url, type Clock, type Logger } from '@agentfleet/runtime'
import type { z } from 'zod'
import { createLocalOrchestrator } from './local.ts'
import type { Orchestrator } from './orchestrator.ts'
import { createRecommender } from './recommend.ts'

/** What both kinds of names may be; they become part of a path. */
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** The variables of every service that acts through an orchestrator. */
export const orchestratorEnv = Object.freeze({
  /** Who runs the processes; `recommend` only records what should be done. */
  DRIVER: oneOf(['local', 'kubernetes', 'recommend'], 'recommend'),
  /** Control API of the driver `local`, see libs/orchestrator/README.md. */
  ORCHESTRATOR_URL: url().optional(),
  ORCHESTRATOR_TOKEN: secret().optional(),
  /** The Deployment of the nodes: its size is set, and only its pods are ever deleted. */
  K8S_DEPLOYMENT: text({
    default: 'agent-worker',
    pattern: DNS_LABEL,
    expected: 'the name of a Deployment',
  }),
  /** Without it: the namespace of this pod. */
  K8S_NAMESPACE: text({ pattern: DNS_LABEL, expected: 'the name of a namespace' }).optional(),
  /** Without it: the cluster that this process runs in, with the token of its pod. */
  K8S_API_URL: url().optional(),
  /** Read again every minute, as such tokens are replaced. */
  K8S_TOKEN_FILE: text().optional(),
  K8S_CA_FILE: text().optional(),
})

/** What `orchestratorEnv` turns into. */
export type OrchestratorConfig = Readonly<z.output<z.ZodObject<typeof orchestratorEnv>>>

/** What no single variable can say; empty when all is well. */
export function orchestratorProblems(config: Partial<OrchestratorConfig>): readonly string[] {
  const { DRIVER: driver, K8S_API_URL: apiUrl, K8S_NAMESPACE: namespace } = config
  if (driver === 'local' && config.ORCHESTRATOR_URL === undefined) {
    return ['ORCHESTRATOR_URL: is not set; DRIVER=local needs the URL of its control API']
  }
  if (driver === 'kubernetes' && apiUrl !== undefined && namespace === undefined) {
    return ['K8S_NAMESPACE: is not set; K8S_API_URL needs the namespace beside it']
  }
  return []
}

/** What drivers need of the service that uses them. */
export interface OrchestratorDeps {
  /** The latest snapshot, for the driver that only recommends. */
  readonly latest: () => Snapshot | undefined
  /** Asks a node over the bus to finish its work and exit; true when it answered. */
  readonly drain: (nodeId: string) => Promise<boolean>
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
}

/** The driver that the configuration names; it asks nothing before its first call. */
export async function openOrchestrator(
  config: OrchestratorConfig,
  deps: OrchestratorDeps,
): Promise<Orchestrator> {
  const { DRIVER: driver, ORCHESTRATOR_URL: url, ORCHESTRATOR_TOKEN: token } = config
  if (driver === 'local' && url !== undefined) {
    return createLocalOrchestrator({ ...deps, url, token })
  }
  if (driver === 'kubernetes') {
    // The client of a cluster costs time and memory that only a process in a cluster has to pay.
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
