import {
  adviserEnv,
  baseEnv,
  consulEnv,
  natsEnv,
  oneOf,
  redisEnv,
  secret,
  text,
  url,
} from '@agentfleet/runtime'
import { z } from 'zod'

/** Environment of recovery. */
export const schema = z.object({
  ...baseEnv('recovery'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  ...adviserEnv,
  /** Who makes nodes good; `local` without ORCHESTRATOR_URL only records, as `recommend` does. */
  DRIVER: oneOf(['local', 'kubernetes', 'recommend'], 'local'),
  /** Control API of the driver `local` (see services/autoscaler/README.md). */
  ORCHESTRATOR_URL: url().optional(),
  ORCHESTRATOR_TOKEN: secret().optional(),
  /** Label `app.kubernetes.io/name` of the pods that the driver `kubernetes` may delete. */
  K8S_APP: text({ default: 'agent-worker' }),
  /** Without: that of the own pod. */
  K8S_NAMESPACE: text().optional(),
  /** Without: the cluster that this process runs in. */
  K8S_API_URL: url().optional(),
  K8S_TOKEN_FILE: text().optional(),
  K8S_CA_FILE: text().optional(),
})

/** The configuration of recovery. */
export type RecoveryConfig = Readonly<z.infer<typeof schema>>
