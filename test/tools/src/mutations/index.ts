import type { Mutation } from './mutation.ts'
import { HISTORY } from './history.ts'
import { RETRIES } from './retries.ts'
import { LIMITS } from './limits.ts'
import { WAITING } from './waiting.ts'
import { GOALS } from './goals.ts'
import { PLACEMENT } from './placement.ts'
import { SHARING } from './sharing.ts'
import { LIVENESS } from './liveness.ts'
import { SCALING } from './scaling.ts'
import { RECOVERY } from './recovery.ts'
import { LOG } from './log.ts'
import { FENCING } from './fencing.ts'
import { SERVICES } from './services.ts'
import { AGENTS } from './agents.ts'
import { FLEETS } from './fleets.ts'

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
  ...LOG,
  ...FENCING,
  ...SERVICES,
  ...AGENTS,
  ...FLEETS,
]
