import { PROGRESS_LIMITS } from '@agentfleet/domain'
import { baseEnv, consulEnv, integer, natsEnv } from '@agentfleet/runtime'
import { z } from 'zod'

/** Environment of the health monitor. */
export const schema = z.object({
  ...baseEnv('health-monitor'),
  ...natsEnv,
  ...consulEnv,
  /**
   * All nodes are looked at this often, milliseconds. 50: of the 1.6 s between a death and its
   * death silence alone takes up to 1.53 s.
   */
  MONITOR_INTERVAL_MS: integer({ min: 10, max: 1_000, default: 50 }),
  /**
   * A node whose work has not moved for this long, and for three times what an attempt usually takes,
   * while that of others has, is stalled, milliseconds.
   */
  MONITOR_STALL_MS: integer({ min: 1_000, max: 3_600_000, default: PROGRESS_LIMITS.stillMs }),
})
