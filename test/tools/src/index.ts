export {
  countPaidTwice,
  openAudit,
  readFleetAccess,
  simulatorTotals,
  type Audit,
  type FleetAccess,
} from './audit.ts'
export { startCallers, type Callers } from './chaos/callers.ts'
export { spreadOf, type Spread } from './figures.ts'
export { installLocked } from './bench/install-locked.ts'
export { checkInvariants, describeFindings, type Accepted, type Findings } from './invariants.ts'
export { loggedEvent, type Histories, type LoggedEvent } from './invariants/logged-event.ts'
export { paidTwice } from './invariants/paid-twice.ts'
export type { Violation } from './invariants/violation.ts'
export { checkMadeCalls, checkTicks } from './invariants/effects.ts'
