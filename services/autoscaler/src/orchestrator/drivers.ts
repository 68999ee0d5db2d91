import type { Bus } from '@agentfleet/adapters'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { AutoscalerConfig } from '../config.ts'
import { connectKubernetes } from './kubernetes-api.ts'
import { createKubernetesOrchestrator } from './kubernetes.ts'
import { createLocalOrchestrator } from './local.ts'
import type { Orchestrator } from './orchestrator.ts'
import { createRecommender } from './recommend.ts'
import type { Snapshots } from '../fleet/snapshots.ts'

/** The driver that the configuration names. */
export function createDriver(
  config: AutoscalerConfig,
  deps: {
    readonly bus: Bus
    readonly snapshots: Snapshots
    readonly clock: Clock
    readonly log: Logger
    readonly random: () => number
  },
): Orchestrator {
  const { ORCHESTRATOR_URL: url, ORCHESTRATOR_TOKEN: token, K8S_DEPLOYMENT: deployment } = config
  if (config.DRIVER === 'local' && url !== undefined) {
    return createLocalOrchestrator({ ...deps, url, token })
  }
  if (config.DRIVER === 'kubernetes') {
    const api = connectKubernetes({
      namespace: config.K8S_NAMESPACE,
      deployment,
      apiUrl: config.K8S_API_URL,
      tokenFile: config.K8S_TOKEN_FILE,
      caFile: config.K8S_CA_FILE,
    })
    return createKubernetesOrchestrator({ ...deps, api, deployment })
  }
  return createRecommender(deps.snapshots.latest)
}
