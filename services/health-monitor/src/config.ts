import { baseEnv, consulEnv, integer, natsEnv } from '@agentfleet/runtime'
import { z } from 'zod'

/** Environment of the health monitor. */
export const schema = z.object({
  ...baseEnv('health-monitor'),
  ...natsEnv,
  ...consulEnv,
  /**
   * All nodes are looked at this often, milliseconds. 50: of the 1.6 s between a death and its
   * verdict silence alone takes up to 1.57 s.
   */
  MONITOR_INTERVAL_MS: integer({ min: 10, max: 1_000, default: 50 }),
})
