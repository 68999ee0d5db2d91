import type { Mutation } from './mutation.ts'
import { HISTORY } from './policies/history.ts'
import { RETRIES } from './policies/retries.ts'
import { LIMITS } from './policies/limits.ts'
import { WAITING } from './policies/waiting.ts'
import { GOALS } from './policies/goals.ts'
import { PLACEMENT } from './policies/placement.ts'
import { SHARING } from './policies/sharing.ts'
import { LIVENESS } from './policies/liveness.ts'
import { SCALING } from './policies/scaling.ts'
import { RECOVERY } from './policies/recovery.ts'
import { BUS } from './bus.ts'
import { LOG } from './log.ts'
import { FENCING } from './fencing.ts'
import { COORDINATOR } from './coordinator.ts'
import { SERVICES } from './services.ts'
import { NODES } from './nodes.ts'
import { SIZES } from './sizes.ts'
import { AGENTS } from './agents.ts'
import { PROVIDERS } from './providers.ts'
import { VALUES } from './values.ts'
import { CONSOLE } from './console.ts'
import { FLEETS } from './fleets.ts'
import { SIMULATED } from './simulated.ts'

/** Every safeguard that can be switched off, the fast ones first. */
export const MUTATIONS: readonly Mutation[] = [
  ...HISTORY,
  ...RETRIES,
  ...LIMITS,
  ...WAITING,
  ...GOALS,
  ...PLACEMENT,
  ...SHARING,
  ...LIVENESS,
  ...SCALING,
  ...RECOVERY,
  ...BUS,
  ...LOG,
  ...FENCING,
  ...COORDINATOR,
  ...SERVICES,
  ...NODES,
  ...SIZES,
  ...AGENTS,
  ...PROVIDERS,
  ...VALUES,
  ...CONSOLE,
  ...SIMULATED,
  ...FLEETS,
]
